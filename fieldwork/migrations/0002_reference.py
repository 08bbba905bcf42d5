from typing import Any

from django.db import migrations

from fieldwork import reference


def load(apps: Any, schema_editor: Any) -> None:
    reference.load(apps.get_model("fieldwork", "SamplingProfile"))


class Migration(migrations.Migration):
    dependencies = [("fieldwork", "0001_initial")]
    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
