from importlib.metadata import distribution

import pytest

from app.local import installed

HASHES = " \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n    # via\n    #   -r requirements.in\n    #   a==2\n"
LOCKED = f"# why\n-r other.txt\nthing[extra]==1.0{HASHES}nothing==1 ; python_full_version < '3.0'{HASHES}"


@pytest.fixture
def package(tmp_path, monkeypatch):
    info = tmp_path / "thing-1.0.dist-info"
    info.mkdir()
    (tmp_path / "thing.py").touch()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
    (info / "RECORD").write_text("thing.py,,\n__pycache__/thing.pyc,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_what_is_whole_is_not_named(package, capsys):
    (package / "requirements.txt").write_text(LOCKED)
    installed.main(str(package / "requirements.txt"))
    assert "thing" not in capsys.readouterr().out


def test_a_package_that_lost_a_file_is_named(package, capsys):
    (package / "thing.py").unlink()
    installed.main()
    assert "thing==1.0" in capsys.readouterr().out


def test_another_version_and_an_absent_package_are_named(package):
    assert distribution("thing").version == "1.0"
    (package / "requirements.txt").write_text("thing==2.0\nnothing==1\n")
    assert installed.missing(str(package / "requirements.txt")) == ["thing", "nothing"]
