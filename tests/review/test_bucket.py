"""A project whose takes lie in a bucket: finished there, fetched for the page, and made again when somebody tidied up."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.clouds import BUCKET, PERMANENT, REGION, CloudProject, cloud
from tests.s3 import S3Server, s3_store


@pytest.mark.slow
def test_takes_and_finished_files_in_a_bucket_come_with_the_page_and_are_made_again_when_they_are_gone(
    tmp_path: Path, s3_server: S3Server
) -> None:
    project = CloudProject(tmp_path / "project", PERMANENT)
    project.root.mkdir()
    project.specs("assets: {menu: {prompt: Warm, master: {loudness: -20 LUFS, format: [mp3, ogg]}}}\n")
    with cloud(tmp_path / "cloud", s3_server, PERMANENT) as emulator:
        project.settings(emulator.settings())
        project.apply()
        bill, finished = emulator.bill(), emulator.objects("audio/finished/")
        assert [key.rpartition(".")[2] for key in sorted(finished)] == ["mp3", "ogg"]

        assert project("review", "--export", str(tmp_path / "public"), "--all").code == 0
        files = sorted((tmp_path / "public" / "audio").iterdir())
        assert [file.stem for file in files] == [
            hashlib.sha256(file.read_bytes()).hexdigest() for file in files
        ]
        (menu,) = json.loads(project("review", "--json").out)["assets"]
        (take,) = menu["new"]["takes"]
        told = [*take["outputs"], *take["finished"]]
        assert sorted(f"audio/{file.name}" for file in files) == sorted(each["audio"] for each in told)

        s3_store(s3_server.url)._client(REGION).delete_object(Bucket=BUCKET, Key=min(finished))
        assert project("refresh").code == 0
        assert project.kinds() == {"update"}
        project.apply()
        assert emulator.objects("audio/finished/") == finished
        assert project.kinds() == {"keep"}
        assert emulator.bill() == bill
