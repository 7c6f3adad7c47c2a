import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { difference, formatDifference } from "../../routing/difference";
import { predict, UnrestError } from "../../routing/predict";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { atRest, buildLab, plans } from "./labs";
import { vrfLab } from "./vrf-lab";

const prediction = (parameters: Record<string, unknown>) => predict(planSingleFrr(schema.parse(parameters)));
const text = (before: Record<string, unknown>, after: Record<string, unknown>) =>
    formatDifference(difference(prediction(before), prediction(after)))
        .split("\n")
        .filter(Boolean);

describe("the difference of two predictions", () => {
    it("is empty when nothing changes", () => {
        expect(difference(prediction({}), prediction({}))).toEqual({ sessions: [], routes: [] });
        expect(text({}, {})).toEqual([]);
    });

    it("names the sessions and routes of a worker that is added, and nothing of the others but the way it adds", () => {
        expect(text({ workers: 1, replicas: 1 }, { workers: 2, replicas: 1 })).toEqual([
            "+ router0 169.254.3.1 ↔ cilium-bgp-cp-worker2 169.254.3.2  up (ipv4)",
            "+ router0 fd00:169:254:3::1 ↔ cilium-bgp-cp-worker2 fd00:169:254:3::2  up (ipv6)",
            "~ router0 10.254.0.10/32  bgp 169.254.1.2 on net0, 169.254.2.2 on net1 → bgp 169.254.1.2 on net0, 169.254.2.2 on net1, 169.254.3.2 on net2",
            "+ router0 169.254.3.0/24  connected net2",
            "~ router0 fd00:10:254::10/128  bgp fd00:169:254:1::2 on net0, fd00:169:254:2::2 on net1 → bgp fd00:169:254:1::2 on net0, fd00:169:254:2::2 on net1, fd00:169:254:3::2 on net2",
            "+ router0 fd00:169:254:3::/64  connected net2",
            "+ cilium-bgp-cp-worker2 10.0.0.0/8  static 169.254.3.1 on net0",
            "+ cilium-bgp-cp-worker2 10.100.0.0/16  static eth0",
            "+ cilium-bgp-cp-worker2 169.254.3.0/24  connected net0",
            "+ cilium-bgp-cp-worker2 172.18.0.0/16  connected eth0",
            "+ cilium-bgp-cp-worker2 192.168.0.0/24  static 169.254.3.1 on net0",
            "+ cilium-bgp-cp-worker2 fc00:f853:ccd:e793::/64  connected eth0",
            "+ cilium-bgp-cp-worker2 fd00:10::/32  static fd00:169:254:3::1 on net0",
            "+ cilium-bgp-cp-worker2 fd00:10:255::/48  static eth0",
            "+ cilium-bgp-cp-worker2 fd00:169:254:3::/64  connected net0",
            "+ cilium-bgp-cp-worker2 fd00:192:168::/64  static fd00:169:254:3::1 on net0",
        ]);
    });

    it("says why a session goes down and which routes go with it", () => {
        const lab = planSingleFrr(schema.parse({ workers: 1, replicas: 1 }));
        const cilium = lab.cluster.cilium!;
        const bgp = cilium.bgp.map((each) => (each.name === "worker" ? { ...each, localAsn: 65000 } : each));
        const broken = { ...lab, cluster: { ...lab.cluster, cilium: { ...cilium, bgp } } };
        const lines = formatDifference(difference(predict(lab), predict(broken))).split("\n");
        expect(lines).toContain(
            "~ router0 169.254.2.1 ↔ cilium-bgp-cp-worker 169.254.2.2  up (ipv4) → down: router0 expects an AS other than 65000, but cilium-bgp-cp-worker is AS 65000",
        );
        expect(lines).toContain("- router0 10.254.0.11/32  bgp 169.254.2.2 on net1");
    });

    it("names the VRF in whose table a route changes, and the speakers of a session", () => {
        const without = { ...vrfLab, cluster: { ...vrfLab.cluster, services: [] } };
        const service = (vrf: string, way: string) => `- csr1000v ${vrf} 10.100.0.0/32  bgp ${way}`;
        const ways = ["10.0.0.1", "10.0.0.11", "10.0.0.12", "10.0.0.13"].map((via) => `${via} on net0`);
        expect(
            formatDifference(difference(predict(vrfLab), predict(without)))
                .split("\n")
                .filter(Boolean),
        ).toEqual([service("k8s-metallb", ways.join(", ")), service("k8s-calico", "k8s-metallb")]);
        const alone = { ...vrfLab, cluster: { ...vrfLab.cluster, metallb: { ...vrfLab.cluster.metallb!, peers: [] } } };
        expect(formatDifference(difference(predict(vrfLab), predict(alone)))).toContain(
            "- csr1000v k8s-metallb 10.0.0.254 ↔ k8s-master1 metallb 10.0.0.1  up (ipv4)",
        );
    });

    it("read backwards has the same entries with before and after exchanged", () => {
        fc.assert(
            fc.property(plans, plans, (one, other) => {
                const [a, b] = [atRest(buildLab(one)), atRest(buildLab(other))];
                fc.pre(!(a instanceof UnrestError) && !(b instanceof UnrestError));
                const key = (route: { readonly device: string; readonly prefix: string }) =>
                    `${route.device} ${route.prefix}`;
                const forth = new Map(difference(a, b).routes.map((route) => [key(route), route]));
                const back = difference(b, a).routes;
                expect(back).toHaveLength(forth.size);
                for (const route of back) {
                    expect(forth.get(key(route))).toMatchObject({
                        ...(route.after === undefined ? {} : { before: route.after }),
                        ...(route.before === undefined ? {} : { after: route.before }),
                    });
                }
            }),
            { numRuns: 40 },
        );
    });
});
