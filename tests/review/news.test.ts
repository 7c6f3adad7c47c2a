import { expect, it } from "vitest";
import type { Finding } from "../../lab/rules/findings";
import { newsOf } from "../../review/news";

function finding(values: Partial<Finding>): Finding {
    return {
        id: "BGP-ASN-002",
        severity: "warning",
        at: "spines[0]",
        says: "AS 500 is public",
        fix: "",
        source: "",
        ...values,
    };
}

it("takes a finding for new unless the same rule has spoken at the same place", () => {
    const known = finding({});
    const other = finding({ says: "AS 550 is public" });
    const elsewhere = finding({ at: "spines[1]", says: "AS 800 is public" });
    const news = newsOf({ fresh: [other, elsewhere], gone: [known], kept: 0 });
    expect([news.warnings, news.reworded, news.gone]).toEqual([[elsewhere], [other], []]);
});

it("says nothing of a finding of which there are only more or fewer", () => {
    const fresh = [finding({ says: "AS 500 is public (and 7 more like this)" })];
    const gone = [finding({ says: "AS 500 is public (and 15 more like this)" })];
    const { errors, warnings, infos, reworded, gone: missed } = newsOf({ fresh, gone, kept: 0 });
    expect([errors, warnings, infos, reworded, missed].flat()).toEqual([]);
});

it("keeps an error that takes the place of another one apart from warnings", () => {
    const error = finding({ id: "LB-POOL-001", severity: "error" });
    const info = finding({ id: "BGP-TMR-004", severity: "info" });
    const { errors, infos, gone } = newsOf({ fresh: [info, error], gone: [finding({})], kept: 0 });
    expect([errors, infos, gone]).toEqual([[error], [info], [finding({})]]);
});
