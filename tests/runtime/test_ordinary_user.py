"""Everything also runs as a person without any rights on the machine, and wherever they put it."""

from pathlib import Path

from tests.product import OrdinaryUser, Product


def test_an_ordinary_user_runs_everything_in_their_own_folder(ordinary_user: OrdinaryUser) -> None:
    with Product(sandbox=False, user=ordinary_user) as product:
        assert {process.username() for process in product.left_over()} == {"nobody"}
        assert product.paths.data.is_relative_to(product.var)
        assert product.post_alerts({"alerts": []}).status_code != 401
        product.stop()
        assert product.left_over() == []
        assert not product.paths.sockets.exists()


def test_a_folder_with_a_strange_and_long_name_is_as_good_as_any(tmp_path: Path) -> None:
    strange = tmp_path / 'it\'s 100 % #1; "ours" ünï' / ("deep" * 25) / "var"
    with Product(sandbox=False, var=strange) as product:
        assert product.bootstrap["api_token"]
        assert (strange / "log" / "web.log").exists()
