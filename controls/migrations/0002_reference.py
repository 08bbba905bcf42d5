from typing import Any

from django.db import migrations

from controls import reference


def load(apps: Any, schema_editor: Any) -> None:
    reference.load(apps.get_model("controls", "Criterion"), apps.get_model("controls", "LibraryControl"))
    reference.load_attributes(
        apps.get_model("controls", "LibraryControl"), apps.get_model("controls", "LibraryAttribute")
    )


class Migration(migrations.Migration):
    dependencies = [("controls", "0001_initial")]
    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
