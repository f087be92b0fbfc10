import json
import re
import unittest
from pathlib import Path

from apt2ostree.ship import diff, report
from tests.support import browser
from tests.support.debs import control, deb, file, hardlink
from tests.support.judges import ScratchTest
from tests.support.variants import Variant, build

HOSTILE = "</script><img src=http://127.0.0.1:9/x onerror=alert(1)>"


class ReportCase(ScratchTest):
    def image(self, name: str = "image") -> Variant:
        return build(
            self.scratch / name,
            [
                deb(
                    file("./usr/bin/app", b"1" * 5000),
                    hardlink("./usr/bin/twin", "./usr/bin/app"),
                    control=control(
                        "app", Depends="lib (>= 1)", Section="net", Priority="optional"
                    ),
                ),
                deb(
                    file("./usr/lib/lib.so", b"2" * 9000),
                    control=control("lib", "1.5", Description=HOSTILE),
                ),
                deb(file("./usr/share/f", b"3"), control=control("core", Essential="yes")),
            ],
        )


class ReportTest(ReportCase):
    def data(self, page: str) -> dict[str, object]:
        found = re.search(
            r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
        )
        assert found
        return json.loads(found[1])  # type: ignore[no-any-return]

    def test_sizes_needs_duplicates_and_the_largest(self) -> None:
        data = self.data(report.page(self.image().built))
        packages = {item["name"]: item for item in data["packages"]}  # type: ignore[attr-defined]
        self.assertGreater(packages["lib"]["bytes"], 9000)
        self.assertEqual(packages["app"]["needs"], [[2, 1]])
        self.assertEqual(data["largest"][0][:2], ["usr/lib/lib.so", 9000])  # type: ignore[index]
        self.assertEqual(data["duplicates"][0], [5000, ["usr/bin/app", "usr/bin/twin"]])  # type: ignore[index]

    def test_changes_against_another_image(self) -> None:
        old = build(self.scratch / "old", [deb(control=control("lib", "1.2"))])
        new = self.image()
        page = report.page(new.built, diff.compare(old.manifest, new.manifest), "os/main")
        changes = self.data(page)["changes"]
        self.assertEqual(changes["against"], "os/main")  # type: ignore[index]
        self.assertIn(("lib", "upgraded"), {(c["name"], c["kind"]) for c in changes["packages"]})  # type: ignore[index]

    def test_nothing_is_asked_of_anybody(self) -> None:
        page = report.page(self.image().built)
        self.assertIn("default-src 'none'", page)
        start, _, rest = page.partition('id="data">')
        data, _, code = rest.partition("</script>")
        self.assertNotIn("<", data)
        self.assertIsNone(re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", start + code))


class ChromiumTest(ReportCase):
    """What a browser makes of the page."""

    def page(self, text: str = "", name: str = "report.html") -> Path:
        path = self.scratch / name
        path.write_text(text or report.page(self.image().built), encoding="utf-8")
        return path

    def test_it_draws_both_treemaps_and_the_graph(self) -> None:
        dom = browser.visit(self, self.page()).dom
        found = {
            "ready": 'data-ready="yes"' in dom,
            "chain": re.search(r"In because: .*app.*lib", dom) is not None,
            "graph": "<svg" in dom,
            "no markup out of a description": "<img" not in dom,
        }
        for part in ("package-map", "directory-map"):
            found[part] = f'id="{part}"><button' in dom
        self.assertEqual([what for what, holds in found.items() if not holds], [])

    def test_nothing_is_requested_and_the_console_stays_empty(self) -> None:
        seen = browser.visit(self, self.page())
        self.assertEqual((seen.console, seen.requests), ((), ()))

    def test_a_page_that_did_otherwise_would_be_found_out(self) -> None:
        page = self.page('<img src="http://example.org/x.png"><script>mistake()</script>', "x.html")
        seen = browser.visit(self, page)
        self.assertEqual(seen.requests, ("http://example.org/x.png",))
        self.assertIn("mistake is not defined", seen.console[0])

    def test_a_phone_need_not_scroll_sideways_nor_magnify(self) -> None:
        script = """<script>{
        const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        const sizes = [];
        while (texts.nextNode()) {
            const element = texts.currentNode.parentElement;
            if (texts.currentNode.data.trim() && element.checkVisibility())
                sizes.push(parseFloat(getComputedStyle(element).fontSize));
        }
        const width = document.documentElement.scrollWidth;
        document.title = `${width} of ${innerWidth}, ${Math.min(...sizes)} px`;
        }</script></body>"""
        text = report.page(self.image().built)
        self.assertEqual(text.count("</body>"), 1)
        self.page(text.replace("</body>", script), "measured.html")
        # A frame, because a browser's window may have a least width.
        frame = self.page(
            '<iframe id="f" src="measured.html" width="360" height="640"></iframe>'
            "<script>onload = () => document.body.append(f.contentDocument.title)</script>",
            "frame.html",
        )
        dom = browser.visit(self, frame).dom
        found = re.search(r"(\d+) of (\d+), ([\d.]+) px", dom)
        assert found, dom
        self.assertLessEqual(int(found[1]), int(found[2]))
        self.assertGreaterEqual(float(found[3]), 11)


if __name__ == "__main__":
    unittest.main()
