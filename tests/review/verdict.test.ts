/** What reviews must not say, as nobody knows it, and must not lose among what is alike. */

import { expect, it } from "vitest";
import { commentOf } from "../../review/comment";
import { compare } from "../../review/compare";
import { outline } from "../../review/outline";
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

it("says that a service goes", () => {
    const services = [{ name: "app-svc-cluster", addresses: ["10.254.0.10", "fd00:10:254::10"] }];
    expect(verdict(reviewOf("single-frr", {}, { services }))).toMatch(/^test\/app-svc-local goes/);
});

it("says that a service has another address, which its clients must know, before settings of sessions", () => {
    const line = verdict(reviewOf("leaf-spine", {}, { loadBalancer: "metallb", bfd: {} }));
    expect(line).toMatch(/^default\/cni moves from 30\.0\.10\.203 to 172\.18\.0\.200; BFD /);
});

it("says once that a link is renumbered, and of a pool not that this resets sessions", () => {
    const nodes = verdict(reviewOf("single-frr", {}, { nodeSubnets: ["172.30.0.0/16", "fd00:172:30::/64"] }));
    expect(nodes.match(/renumbered/g)).toHaveLength(1);
    expect(nodes).toMatch(/^bridge kind is renumbered, which resets 8 sessions/);
    const pools = [{ name: "default", blocks: ["172.16.10.0/25"] }];
    const pool = verdict(reviewOf("ibgp-frr", {}, { routerId: "192.168.1.77", pools }));
    expect(pool).toMatch(/^6 sessions get other BGP identifiers, which resets them/);
    expect(pool).toContain("pool default is renumbered");
});

it("names the one setting of a program that changes", () => {
    const line = verdict(reviewOf("calico-metallb-vrf", {}, { encapsulation: "vxlan" }));
    expect(line).toBe("Calico encapsulation none → vxlan; no session and no route changes");
});

it("says once that one of several speakers of a node has another AS", () => {
    const line = verdict(reviewOf("calico-metallb-vrf", {}, { metallbAsn: 65003 }));
    expect(line.match(/65001 → 65003/g)).toHaveLength(1);
});

it("tells the peers of more than two devices apart", () => {
    const parts = outline(reviewOf("calico-metallb-vrf", {}, { workers: 1 }));
    const [line] = parts.find(({ title }) => title === "Sessions")!.lines;
    expect(line).toContain("k8s-vrf-worker3 calico; k8s-vrf-worker3 calico ↔ csr1000v k8s-calico");
});

it("leaves out sections that have nothing to say, and does not call unknown routing as before", () => {
    const dev = revision({ topology: "single-frr" });
    const broken = revision({ topology: "leaf-spine" });
    const { lab: _lab, outcome: _outcome, ...rest } = broken;
    const error = { id: "CFG-001", severity: "error", at: "x", says: "y", fix: "z", source: "docs" } as const;
    const text = commentOf({
        reviews: [compare(dev, undefined), compare(broken, { ...rest, artifacts: [], findings: [error] })],
        rehearsals: [],
        base: "main",
    });
    expect(text).not.toContain("###");
    expect(text).toMatch(/\| dev \| .* \| refused \|/);
});
