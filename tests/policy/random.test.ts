import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isError } from "../../lab/rules/findings";
import { readLab, type StackConfig } from "../../stacks/config";
import { buildCase, casePlans } from "../differential/generator";
import { ask, labComponent } from "./asking";
import "../seed";

/** Private space and private numbers, as an organisation would give them to labs, and what the topologies' articles add. */
const organisation = {
    "allowed-asns": { ranges: ["64512-65534", "4200000000-4294967294", "500-2600"] },
    "allowed-address-space": {
        all: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7"],
        pools: ["10.0.0.0/8", "172.16.0.0/12", "20.0.10.0/24", "30.0.10.0/24", "fc00::/7"],
        loopbacks: ["10.0.0.0/8", "192.168.0.0/24", "1.1.1.0/24", "fc00::/7"],
    },
    "forbidden-prefixes": { prefixes: { "100.64.0.0/10": "carriers" } },
    "hold-time": { minimum: 9 },
};

/** Configurations of every topology that are sound, whatever their sizes. */
const configs: fc.Arbitrary<StackConfig> = fc.oneof(
    fc.record({
        topology: fc.constant("single-frr"),
        lab: fc.record({
            workers: fc.integer({ min: 1, max: 12 }),
            replicas: fc.integer({ min: 1, max: 8 }),
            exportPodCidr: fc.boolean(),
            routerAsn: fc.integer({ min: 64512, max: 64999 }),
            nodeAsn: fc.integer({ min: 65000, max: 65500 }),
        }),
    }),
    fc.record({
        topology: fc.constant("leaf-spine"),
        lab: fc.record({
            spines: fc.integer({ min: 1, max: 4 }),
            racks: fc.integer({ min: 1, max: 4 }),
            nodesPerRack: fc.integer({ min: 1, max: 4 }),
            nos: fc.constantFrom("frr", "vyos"),
            loadBalancer: fc.constantFrom("lbIpam", "metallb"),
        }),
    }),
    fc.record({
        topology: fc.constant("calico-metallb-vrf"),
        lab: fc.record({ workers: fc.integer({ min: 1, max: 12 }), nodeToNodeMesh: fc.boolean() }),
    }),
    fc.record({
        topology: fc.constant("pod-gateway"),
        lab: fc.record({
            workers: fc.integer({ min: 1, max: 6 }),
            peering: fc.constantFrom("node", "router"),
            gateways: fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 3 }),
            hijacks: fc.subarray(["10.244.0.0/24", "0.0.0.0/1", "::/0"]),
        }),
    }),
    fc.record({
        topology: fc.constant("ibgp-frr"),
        lab: fc.record({ workers: fc.integer({ min: 1, max: 20 }), replicas: fc.integer({ min: 1, max: 8 }) }),
    }),
);

/** Policies that stop a preview, of those that reported something. */
function stopping(reported: Readonly<Record<string, unknown>>): readonly string[] {
    return Object.keys(reported).filter((policy) => !policy.endsWith("-advice"));
}

describe("the pack and labs that nobody chose", () => {
    it("passes every lab that a topology plans without errors, and stops every one that has some", async () => {
        await fc.assert(
            fc.asyncProperty(configs, async (config) => {
                const { lab, refused, findings } = readLab(config);
                const reported = await ask([labComponent((lab ?? refused)!)], organisation);
                expect(stopping(reported).length > 0).toBe(findings.some(isError));
            }),
            { numRuns: 40 },
        );
    });

    it("stops no network of routers for what an organisation asks, where that is what the network is made of", async () => {
        await fc.assert(
            fc.asyncProperty(casePlans, async (plan) => {
                const reported = await ask([labComponent(buildCase(plan).lab)], organisation);
                expect(stopping(reported).filter((policy) => policy in organisation)).toEqual([]);
            }),
            { numRuns: 40 },
        );
    });
});
