"""The results as Markdown: losing rows stand among the others."""

from statistics import median


def number(value):
    """Three significant digits, more for whole numbers."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def times_as_fast(row):
    """Theirs over ours, of each round in which both ran."""
    return [theirs / ours for ours, theirs in zip(row["ours"], row["theirs"])]


def row_line(row):
    ratios = times_as_fast(row)
    if ratios:
        middle = median(ratios)
        ratio = f"{number(middle)} ({number(min(ratios))} to {number(max(ratios))})"
        ratio = ratio if middle >= 1 else f"**{ratio}, slower**"
    else:
        ratio = "--"
    cells = [row["what"], row["peer"], *(number(median(row[key])) if row[key] else "--"
                                         for key in ("ours", "streamed", "theirs")), ratio, row["remark"]]
    return "| " + " | ".join(cells) + " |"


def agreement_lines(found):
    yield "| what | peer | rows compared | at 0.99 or more | worst | mean | cells both have | |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in found:
        verdict = "agrees" if one["good"] else "**differs**"
        yield (f"| {one['what']} | {one['peer']} | {one['rows']} | {one['agreeing']} | {one['worst']:.4f} | "
               f"{one['mean']:.4f} | {one['overlap']:.1%} | {verdict} |")


def measured(section):
    """When a section was measured, and under what load: above the number of cores, times are those of a busy machine."""
    quick = ", --quick" if section["quick"] else ""
    return f"Measured {section['measured']}, {section['rounds']} rounds{quick}, load average {section['load']}."


def section_lines(section):
    if "error" in section:
        yield f"## {section['workload']}"
        yield ""
        yield f"{measured(section)} Did not finish: {section['error']}"
        return
    yield f"## {section['workload']}: {section['title']}"
    yield ""
    yield f"- {measured(section)}"
    for note in section["notes"]:
        yield f"- {note}"
    yield ""
    if section["rows"]:
        yield "| what | peer | ours, ms | ours, values dropped, ms | theirs, ms | times as fast | remark |"
        yield "|---|---|---|---|---|---|---|"
        yield from map(row_line, section["rows"])
        yield ""
    if section["agreement"]:
        good = sum(one["good"] for one in section["agreement"])
        yield f"Values, checked before timing: {good} of {len(section['agreement'])} agree."
        yield ""
        many = len(section["agreement"]) > 40
        shown = [one for one in section["agreement"] if not (many and one["good"])]
        if shown:
            if many:
                yield "Those that do not:"
                yield ""
            yield from agreement_lines(shown)
            yield ""
    if section["apart"]:
        yield "Apart:"
        yield ""
        for name, reason in section["apart"]:
            yield f"- `{name}`: {reason}"
        yield ""


def summary_lines(sections):
    rows = [row for section in sections for row in section.get("rows", []) if times_as_fast(row)]
    lost = [row for row in rows if median(times_as_fast(row)) < 1]
    yield f"{len(rows)} comparisons; evoquant is slower in {len(lost)}."
    for row in lost:
        yield f"- {row['what']}, {row['peer']}: {number(median(times_as_fast(row)))} times as fast"


def markdown(report):
    """The whole report."""
    machine = report["machine"]
    lines = [
        f"# Peers, {report['date']}",
        "",
        "Written by `benches/peers/run`; how to read it is in [its README](../peers/README.md).",
        "",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['vectors']}, {machine['memory_gib']} GiB, "
        f"{machine['system']}.",
        "",
        "Versions: " + "; ".join(f"{name} {version}" for name, version in report["versions"].items()) + ".",
        "",
        "Times are medians over rounds in which both sides ran in turn. The ratio is theirs over ours, the median (and "
        "range) over rounds; below 1 we are slower. `ours` writes every value to memory, as the peers do; `values "
        "dropped` is how a search runs. Ours is 64-bit, on one thread unless a row says otherwise.",
        "",
        *summary_lines(report["sections"]),
        "",
    ]
    if report["failures"]:
        lines += ["Not installed:", "", *(f"- `{name}`: {gist}" for name, gist in report["failures"].items()), ""]
    for section in report["sections"]:
        lines += [*section_lines(section), ""]
    return "\n".join(lines).rstrip() + "\n"
