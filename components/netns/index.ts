import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { controllerSpec, fabricSpec, nodeSpec, routerSpec } from "../../render/embedded";
import { predict } from "../../routing/predict";
import type { Check } from "../../verify/check";
import { subject } from "../../verify/describe";
import { planChecks, planNodeChecks } from "../../verify/plan";
import type { EmbeddedSettings, Runtime } from "../runtime";
import { Claim, Fabric, Node, PeeringController, Router, Sandbox, Verification } from "./resources";

/** Checks by what they are about, so that previews name them and not their number. */
function byCheckSubject(checks: readonly Check[]): Readonly<Record<string, Check>> {
    return Object.fromEntries(checks.map((check) => [subject(check), check]));
}

/**
 * Builds a lab on the embedded runtime: one resource per router and node, and five more, or six where neighbors are chosen
 * by label. All of them end with the sandbox, so only the claim and the sandbox have to be deleted one by one. Routers in
 * Pods belong to the nodes.
 */
export const netns: Runtime<{ readonly embedded: EmbeddedSettings }> = (parent, { model, embedded, verify }) => {
    const claim = new Claim(`${model.name}-claim`, { parent });
    const sandbox = new Sandbox(`${model.name}-sandbox`, { name: claim.name }, { parent, dependsOn: claim });
    const inSandbox = { parent, deletedWith: sandbox };

    const fabricArgs = fabricSpec(model);
    const fabric = new Fabric(
        `${model.name}-fabric`,
        { sandbox: claim.name, ...fabricArgs },
        { ...inSandbox, dependsOn: sandbox },
    );
    const onFabric = { ...inSandbox, dependsOn: fabric };

    const routerArgs = Object.entries(model.routers)
        .filter(([, { pod }]) => pod === undefined)
        .map(([name]) => [name, routerSpec(model, name)] as const);
    const nodeArgs = Object.keys(model.cluster.nodes).map(
        (name) => [name, nodeSpec(model, name, embedded.speaker)] as const,
    );
    const nodes = nodeArgs.map(([name, args]) => new Node(name, { sandbox: claim.name, ...args }, onFabric));
    // Routers connect to the nodes' speakers: one that is not there yet, or knows no neighbor yet, costs a retry of seconds.
    const afterNodes = { ...inSandbox, dependsOn: [fabric, ...nodes] };
    const routers = routerArgs.map(([name, args]) => new Router(name, { sandbox: claim.name, ...args }, afterNodes));

    const controllerArgs = controllerSpec(model, Object.fromEntries(nodeArgs));
    const controllers =
        controllerArgs === undefined
            ? []
            : [
                  new PeeringController(
                      `${model.name}-peering-controller`,
                      { sandbox: claim.name, ...controllerArgs },
                      { ...inSandbox, dependsOn: [fabric, ...nodes] },
                  ),
              ];

    const told = [fabricArgs, routerArgs, nodeArgs, ...(controllerArgs === undefined ? [] : [controllerArgs])];
    const digest = createHash("sha256").update(JSON.stringify(told)).digest("hex");
    const revision = pulumi
        .all([fabric, ...routers, ...nodes, ...controllers].map((resource) => resource.revision))
        .apply((revisions) => revisions.reduce((sum, each) => sum + each, 0));
    const prediction = predict(model);
    const checks = [...planChecks(model, prediction), ...planNodeChecks(model, prediction)];
    const verification = new Verification(
        `${model.name}-verification`,
        { sandbox: claim.name, checks: byCheckSubject(checks), deadline: verify.deadline, subject: digest, revision },
        { ...inSandbox, dependsOn: [...routers, ...nodes, ...controllers] },
    );
    return { checksPassed: verification.passed };
};
