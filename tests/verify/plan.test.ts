import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { predict } from "../../routing/predict";
import { planPodGateway, schema } from "../../stacks/pod-gateway";
import { planChecks } from "../../verify/plan";

const planned = (parameters: object) => planPodGateway(schema.parse(parameters));

/** Pods that connections to the virtual addresses must pass, an entry for each address. */
function passed(lab: Lab): readonly (readonly string[])[] {
    return planChecks(lab, predict(lab)).flatMap((check) => (check.kind === "passage" ? [check.through] : []));
}

describe("passage through Pods", () => {
    const both = ["loadbalancer-0", "loadbalancer-1"];

    it.each<[string, object, readonly string[]]>([
        ["every Pod of equal paths", {}, both],
        ["every Pod of equal paths of the router's own neighbors", { peering: "router" }, both],
        ["one Pod where paths of different ASes are not equal", { multipathRelax: false }, ["loadbalancer-0"]],
        ["one Pod where the router uses one path", { maximumPaths: 1 }, ["loadbalancer-0"]],
        ["the Pod whose path is shorter", { nodeAsn: 64999 }, ["loadbalancer-0"]],
    ])("is asked of %s", (_what, parameters, expected) => {
        expect(passed(planned({ gateways: [1, 2], ...parameters }))).toEqual([expected, expected]);
    });

    it("is asked of no Pod where the client has no way to any", () => {
        const lab = planned({});
        const hosts = { client0: { ...lab.hosts.client0!, staticRoutes: [] } };
        expect(passed({ ...lab, hosts })).toEqual([]);
    });
});
