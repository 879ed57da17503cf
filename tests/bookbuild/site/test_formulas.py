import pytest

from bookbuild.site.formulas import with_mathml


def test_tex_becomes_mathml_and_leaves_no_tex() -> None:
    html = r'<p>So <span class="arithmatex">\(x &lt; \frac{1}{2}\)</span>.</p>'
    html += r'<div class="arithmatex">\[\sum_i x_i\]</div>'
    result = with_mathml(html)
    assert result.count("<math") == 2
    assert "<mfrac>" in result
    assert 'tabindex="0"' in result
    assert "\\" not in result


@pytest.mark.parametrize("tex", [r"\nosuchcommand{x}", r"\frac{1"])
def test_tex_that_cannot_be_converted_is_named(tex: str) -> None:
    with pytest.raises(ValueError, match="the formula"):
        with_mathml(rf'<span class="arithmatex">\({tex}\)</span>')
