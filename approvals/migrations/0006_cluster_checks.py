from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0005_machines_and_webhook_jobs"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClusterCheck",
            fields=[
                ("cluster", models.CharField(max_length=63, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("report", models.JSONField()),
            ],
            options={
                "ordering": ["cluster"],
            },
        ),
    ]
