import { describe, expect, it } from "vitest";
import type { ObservedConfig } from "../../controller/cilium-peers";
import { type AnnouncingPod, routesTarget } from "../../controller/node-routes";
import { plan } from "../../controller/reconcile";
import { ciliumResources } from "../../render/cilium";
import { ofKind } from "../../render/objects";
import { planPodGateway, schema } from "../../stacks/pod-gateway";

const lab = planPodGateway(
    schema.parse({ peering: "router", forbidden: ["192.168.0.128/25", "fd00:192:168:0:8000::/65"] }),
);
const rendered = ofKind(ciliumResources(lab), "CiliumBGPClusterConfig").find(
    ({ metadata }) => metadata.name === "worker2",
)!;
const config = { ...rendered, metadata: { ...rendered.metadata, uid: "u" } } as ObservedConfig;
const node = "pod-gateway-worker2";

function pod(virtualAddresses: readonly string[], more: Partial<AnnouncingPod> = {}): AnnouncingPod {
    return {
        namespace: "default",
        name: "lb",
        uid: "1",
        node,
        labels: { app: "loadbalancer" },
        addresses: ["10.244.2.9", "fd00:10:244:2::9"],
        virtualAddresses,
        ...more,
    };
}

/** What is written for some pods. */
async function written(...pods: readonly AnnouncingPod[]): Promise<Readonly<Record<string, string>>> {
    let last: Readonly<Record<string, string>> = { never: "written" };
    const target = routesTarget({
        node,
        config: async () => config,
        pods: () => pods,
        write: (routes) => {
            last = routes;
        },
    });
    const open = await target.open(() => {});
    await open.apply(plan(pods, await open.observe(), target), () => {});
    return last;
}

describe("routes of a node to what its pods take", () => {
    it("lead to the pod's address of the same family", async () => {
        expect(await written(pod(["192.168.0.1/32", "fd00:192:168::1/128"]))).toEqual({
            "192.168.0.1/32": "10.244.2.9",
            "fd00:192:168::1/128": "fd00:10:244:2::9",
        });
    });

    it.each([
        "10.254.0.10/32",
        "10.244.0.0/24",
        "10.244.2.9/32",
        "0.0.0.0/0",
        "0.0.0.0/1",
        "10.96.0.0/16",
        "10.0.0.0/24",
        "192.168.0.200/32",
        "172.30.0.1/32",
        "::/0",
        "fd00:10:254::10/128",
        "192.168.0.1",
        "garbage",
    ])("are not made for %s, whatever the pod says", async (prefix) => {
        expect(await written(pod([prefix]))).toEqual({});
    });

    it("are not made for pods of other nodes, or that no selector matches", async () => {
        const elsewhere = pod(["192.168.0.1/32"], { node: "pod-gateway-worker" });
        const unlabelled = pod(["192.168.0.1/32"], { uid: "2", name: "other", labels: {} });
        expect(await written(elsewhere, unlabelled)).toEqual({});
    });
});
