/** First lines of reviews that must not say more than is known, nor lose what matters among what is alike. */

import { expect, it } from "vitest";
import { compare } from "../../review/compare";
import type { Revision } from "../../review/revision";
import { verdict } from "../../review/verdict";
import { reviewOf, revision } from "./revisions";

it("claims nothing about routing when only files of the same lab are written otherwise", () => {
    const before = revision({ topology: "leaf-spine" });
    const after: Revision = {
        ...before,
        artifacts: before.artifacts.map((artifact) =>
            artifact.kind === "file" && artifact.path === "leaf0/frr.conf"
                ? { ...artifact, text: `${artifact.text}! neighbor 10.1.10.2 shutdown\n` }
                : artifact,
        ),
    };
    expect(verdict(compare(before, after))).toBe(
        "1 file changes; the plan of the lab does not, so what that does to sessions and routes is not predicted",
    );
});

it("counts only those as cut off meanwhile who reached it before", () => {
    const { interruption } = reviewOf("single-frr", { exportPodCidr: false }, { exportPodCidr: true, nodeAsn: 65002 });
    const names = new Set(interruption?.lost.map(({ name }) => name));
    expect(names).toEqual(new Set(["test/app-svc-cluster", "test/app-svc-local"]));
});

it("tells the same setting of many devices once, whatever their values, so that there is room for who is cut off", () => {
    const line = verdict(reviewOf("single-frr", { workers: 6 }, { workers: 6, nodeAsn: 65002 }));
    expect(line).toContain(
        "other AS at cilium-bgp-cp-control-plane, cilium-bgp-cp-worker and 5 more, which resets 14 sessions",
    );
    expect(line).toContain("meanwhile test/app-svc-cluster and test/app-svc-local are cut off");
    expect(line.match(/\bother AS at|AS \d+ →/g)).toHaveLength(1);
});
