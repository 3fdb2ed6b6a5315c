"""How a merchant looks, by command."""

from app import merchants


def run(cli, *words):
    return cli.invoke(args=["merchant", "face", *words])


def test_only_what_is_named_changes(cli, tmp_path):
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    words = ("--colour", "#0a6b3d", "--logo", str(logo), "--return-url", "https://shop.test/")
    assert run(cli, "default", *words).exit_code == 0
    assert run(cli, "default", "--support", "0722 000 111", "--name", "Mwanga").exit_code == 0
    seen = merchants.named("default")
    assert (seen.name, seen.colour, seen.support) == ("Mwanga", "#0a6b3d", "0722 000 111")
    assert seen.logo.startswith("<svg")
    assert seen.return_urls == ["https://shop.test/"]
    assert run(cli, "default", "--colour", "", "--return-url", "").exit_code == 0
    assert (seen.colour, seen.return_urls) == (None, [])


def test_what_is_wrong_is_said_in_a_sentence(cli):
    faint = run(cli, "default", "--colour", "#ffffff")
    assert faint.exit_code == 1
    assert "too faint" in faint.output
    assert "no merchant 'nobody'" in run(cli, "nobody", "--name", "x").output
    assert run(cli, "default", "--name", " ").exit_code == 1


def test_a_plan_has_a_link(cli, plan):
    printed = cli.invoke(args=["plan", "link", "standard", "--ref", "INV 77"]).output
    assert printed == "http://localhost/m/default/subscribe/standard?ref=INV+77\n"
    assert cli.invoke(args=["plan", "link", "nothing"]).exit_code == 1
