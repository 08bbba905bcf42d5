from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.storage import storages
from django.core.management.base import BaseCommand, CommandError
from storages.backends.s3 import S3Storage


class Command(BaseCommand):
    help = "Makes the bucket of STORAGE_URL where it is missing; does nothing for storage in files."

    def handle(self, *args: Any, **options: Any) -> None:
        store = storages["evidence"]
        if not isinstance(store, S3Storage):
            self.stdout.write("Files are stored in folders; there is no bucket to make.")
            return
        client = store.connection.meta.client
        try:
            existing = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
            if store.bucket_name not in existing:
                client.create_bucket(Bucket=store.bucket_name)
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"The bucket {store.bucket_name} could not be made: {error}") from None
        self.stdout.write(f"The bucket {store.bucket_name} is there.")
