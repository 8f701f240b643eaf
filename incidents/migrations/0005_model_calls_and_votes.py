import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0004_sources_replays_and_reconciliation"),
    ]

    operations = [
        migrations.AddField(
            model_name="opinion",
            name="points",
            field=models.JSONField(default=list, help_text="[{challenge, answer}] of the critic and the coordinator"),
        ),
        migrations.AddField(
            model_name="opinion",
            name="record",
            field=models.CharField(blank=True, help_text="How it did in verified cases, in words", max_length=120),
        ),
        migrations.AddField(
            model_name="opinion",
            name="vote",
            field=models.CharField(
                blank=True,
                choices=[("chosen", "Chosen"), ("for", "For"), ("against", "Against")],
                help_text="Empty where it proposes nothing",
                max_length=7,
            ),
        ),
        migrations.AlterField(
            model_name="opinion",
            name="status",
            field=models.CharField(
                choices=[
                    ("answered", "Answered"),
                    ("nothing", "Proposes nothing"),
                    ("failed", "Failed"),
                    ("timeout", "No answer in time"),
                    ("skipped", "Not asked"),
                    ("late", "Late"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="opinion",
            name="weight",
            field=models.FloatField(default=0.0, help_text="Its share of the consensus, 0..1"),
        ),
        migrations.CreateModel(
            name="LlmCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("engine", models.CharField(max_length=30)),
                ("provider", models.CharField(blank=True, max_length=60)),
                ("model", models.CharField(blank=True, max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("asking", "Asking"),
                            ("answered", "Answered"),
                            ("hallucinated", "Hallucinated"),
                            ("refused", "Refused"),
                            ("over_tokens", "Over Tokens"),
                            ("failed", "Failed"),
                            ("timeout", "Timeout"),
                            ("skipped", "Skipped"),
                        ],
                        default="asking",
                        max_length=12,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("tokens_in", models.PositiveIntegerField(default=0)),
                ("tokens_out", models.PositiveIntegerField(default=0)),
                (
                    "cost_micros",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Millionths of a US dollar; 0 where the price is not known"
                    ),
                ),
                ("ms", models.PositiveIntegerField(default=0)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "decision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="llm_calls", to="incidents.decision"
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="llm_calls",
                        to="incidents.incident",
                    ),
                ),
            ],
            options={
                "verbose_name": "LLM call",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["at"], include=("tokens_in", "tokens_out", "cost_micros"), name="llm_calls_by_time"),
                    models.Index(fields=["incident"], include=("tokens_in", "tokens_out"), name="llm_calls_of_incident"),
                    models.Index(
                        condition=models.Q(("status__in", ["answered", "hallucinated"])),
                        fields=["-at"],
                        include=("status",),
                        name="llm_calls_judged",
                    ),
                ],
            },
        ),
    ]
