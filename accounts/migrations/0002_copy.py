from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        # A key in a file with a password becomes the key alone: nothing is released, so there is none to carry over.
        migrations.RunSQL("DELETE FROM accounts_signingcertificate", migrations.RunSQL.noop),
        migrations.RemoveField("signingcertificate", "sealed_pkcs12"),
        migrations.RemoveField("signingcertificate", "sealed_password"),
        migrations.AddField(
            "signingcertificate", "sealed_key", models.TextField(default=""), preserve_default=False
        ),
        migrations.AddField(
            "signingcertificate",
            "certificates",
            models.TextField(default="", verbose_name="it and those above it, PEM"),
            preserve_default=False,
        ),
    ]
