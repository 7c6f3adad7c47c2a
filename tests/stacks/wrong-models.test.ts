import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { validate } from "../../lab/rules";
import { formatFindings } from "../../lab/rules/findings";
import { expectGolden } from "../golden";
import { type FabricCase, fabric } from "../lab/fabric-cases";
import type { Draft } from "../lab/labs";

/** A mistake in a fabric that would come up and be wrong, or not come up. */
type Mistake = Pick<FabricCase, "parameters" | "change">;

const leaf = (draft: Draft) => draft.routers.leaf0!;
const worker = (draft: Draft) => draft.cluster.nodes["clab-bgp-worker"]!;

const mistakes: Readonly<Record<string, Mistake>> = {
    "same-as-on-both-leaves": { parameters: { leafAsns: [64701, 64701] } },
    "wrong-next-hop-on-another-link": {
        change: (draft) => {
            worker(draft).staticRoutes[0]!.via = { kind: "address", address: "10.1.8.1" };
        },
    },
    "wrong-next-hop-of-nobody": {
        change: (draft) => {
            worker(draft).staticRoutes[0]!.via = { kind: "address", address: "10.1.5.254" };
        },
    },
    "wrong-next-hop-inside-an-as": { parameters: { spineAsns: [64701, 64602] } },
    "overlapping-pools": {
        parameters: {
            pools: [
                { name: "red", blocks: ["10.254.0.0/24"] },
                { name: "blue", blocks: ["10.254.0.128-10.254.1.20"] },
            ],
        },
    },
    "wrong-peer-as-on-the-leaf": {
        change: (draft) => {
            const neighbor = leaf(draft).bgp.neighbors[2]!;
            neighbor.remoteAsn = 64603;
            Object.assign(neighbor.session.kind === "own" ? neighbor.session.settings : {}, {
                remoteAs: { kind: "asn", asn: 64603 },
            });
        },
    },
    "wrong-peer-as-in-the-policy-of-a-rack": {
        change: (draft) => {
            draft.cluster.cilium!.bgp[0]!.neighbors[0]!.remoteAsn = 64702;
        },
    },
    "no-multipath-relax": { parameters: { multipathRelax: false } },
    "reflector-client-without-session": {
        change: (draft) => {
            const client = structuredClone(leaf(draft).bgp.neighbors[0]!);
            leaf(draft).bgp.neighbors.push({ ...client, address: "10.1.5.12" });
        },
    },
    "reflector-client-that-peers-with-the-other-leaf": {
        change: (draft) => {
            worker(draft).labels.rack = "rack1";
        },
    },
    "node-selector-that-matches-nothing": {
        change: (draft) => {
            draft.cluster.cilium!.bgp[1]!.nodeSelector = { matchLabels: { rack: "rack2" } };
        },
    },
    "service-selector-that-matches-nothing": { parameters: { serviceSelector: { matchLabels: { color: "blue" } } } },
    "selector-key-that-nothing-carries": {
        parameters: { serviceSelectors: [{ matchExpressions: [{ key: "evn", operator: "NotIn", values: ["test"] }] }] },
    },
    "missing-reflector": { parameters: { routeReflection: false } },
};

describe("a wrong fabric", () => {
    it.each(Object.entries(mistakes))("is told in words: %s", (name, mistake) => {
        const findings = validate(fabric(mistake));
        expect(findings.length).toBeGreaterThan(0);
        expectGolden(join(__dirname, "golden", "wrong-models", `${name}.txt`), formatFindings(findings));
    });

    it("has a golden file for every mistake and no other", () => {
        const golden = readdirSync(join(__dirname, "golden", "wrong-models"));
        expect(golden.sort()).toEqual(
            Object.keys(mistakes)
                .map((name) => `${name}.txt`)
                .sort(),
        );
    });
});
