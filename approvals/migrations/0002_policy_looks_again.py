from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0001_initial"),
        ("incidents", "0003_policy_looks_again"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="approval",
            name="approvals_expiring",
        ),
        migrations.AddField(
            model_name="approval",
            name="target_key",
            field=models.CharField(default="", help_text="As of the execution that it may become", max_length=600),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(condition=models.Q(("status", "pending")), fields=["target_key"], name="approvals_of_target"),
        ),
    ]
