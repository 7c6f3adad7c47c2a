import { describe, expect, it } from "vitest";
import { podNeedsOf } from "../../policy/resources/privileges";
import { withoutPods } from "../../render/docker";
import { gatewayPodResources } from "../../render/gateway-pods";
import { peeringControllerResources } from "../../render/peering-controller";
import type { AgentDaemonSet, SingleDeployment } from "../../render/pod-objects";
import { planPodGateway, schema } from "../../stacks/pod-gateway";

const lab = planPodGateway(schema.parse({ peering: "router", hijacks: ["0.0.0.0/1"] }));
const objects = [
    ...gatewayPodResources(lab, { router: "frr:10", client: "client:1" }),
    ...peeringControllerResources(lab, { image: "node:22", code: "H4sI", routesImage: "client:1" }),
].filter((each): each is SingleDeployment | AgentDaemonSet => each.kind === "Deployment" || each.kind === "DaemonSet");

describe("rights of pods that are more than servers", () => {
    it("are what the lab gives them, no more and no less", () => {
        const given = objects.map(({ metadata, spec }) => {
            const { hostNetwork = false, containers, initContainers = [] } = spec.template.spec;
            const added = [...initContainers, ...containers].flatMap(
                ({ securityContext }) => securityContext.capabilities.add ?? [],
            );
            return [`${metadata.namespace}/${metadata.name}`, hostNetwork, [...new Set(added)].sort()];
        });
        expect(given.map(([name]) => name)).toEqual([
            "default/loadbalancer-0",
            "default/rogue-0",
            "bgp-lab-system/peering-controller",
            "bgp-lab-system/node-routes",
        ]);
        const known = given.map(([name]) => {
            const { hostNetwork, capabilities } = podNeedsOf(String(name), [lab]);
            return [name, hostNetwork, [...capabilities].sort()];
        });
        expect(known).toEqual(given);
    });

    it("are nobody's in a lab without such pods", () => {
        for (const name of ["default/loadbalancer-0", "bgp-lab-system/node-routes"]) {
            expect(podNeedsOf(name, [withoutPods(lab)])).toEqual({ hostNetwork: false, capabilities: [] });
        }
    });
});
