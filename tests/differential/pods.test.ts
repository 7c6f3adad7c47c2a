/**
 * Predictions of random labs with routers in Pods against real gobgpd, FRR and peering controller: what the speakers of all
 * nodes, routers and Pods hold, and what the kernels get. `POD_CASES` says how many, `SEED` repeats one and prints it.
 */

import { afterAll, describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { applyController } from "../../provider/daemons/controller";
import { applyFrr } from "../../provider/daemons/frr";
import { bgpRoutes, bgpSummary } from "../../provider/daemons/frr-reads";
import { gobgpBestPaths } from "../../provider/daemons/gobgp-tables";
import { vty } from "../../provider/daemons/vty";
import { netnsDriver } from "../../provider/driver";
import { node } from "../../provider/resources/node";
import { podNamespace } from "../../provider/sandbox/pods";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { destroySandbox, startSandbox } from "../../provider/sandbox/start";
import type { NodeInputs } from "../../provider/schema";
import { controllerSpec, fabricSpec, nodeSpec, routerSpec } from "../../render/embedded";
import { predict } from "../../routing/predict";
import type { Prediction } from "../../routing/prediction";
import { available } from "../routing/live";
import { differences, type Facts, families, instancesOf, observedFacts, predictedFacts } from "./facts";
import { labsAfter, podLab, podPlanOf } from "./pod-labs";

/** Milliseconds after which a lab is taken to stay as it is, and between two looks at it. */
const patience = 60_000;
const pause = 500;

const context = { stack: "test", project: "test" };

const only = process.env.SEED;
const seeds =
    only === undefined ? Array.from({ length: Number(process.env.POD_CASES ?? 4) }, (_, n) => n + 1) : [Number(only)];

/** Best paths and learned kernel routes of the nodes' speakers. */
function predictedOfNodes({ cluster }: Lab, { devices }: Prediction): Facts {
    return Object.keys(cluster.nodes).flatMap((name) =>
        families.flatMap((family) => {
            const { rib, fib } = devices[name]!;
            const best = Object.entries(rib[family]).flatMap(([prefix, { paths }]) =>
                paths
                    .filter((path) => path.best)
                    .map((path) => `${name} best ${prefix} ${path.nextHop} [${path.asPath.join(" ")}]`),
            );
            const kernel = Object.entries(fib[family])
                .filter(([, { protocol }]) => protocol === "bgp")
                .map(
                    ([prefix, { nextHops }]) => `${name} kernel ${prefix} ${nextHops.map(({ via }) => via).join(" ")}`,
                );
            return [...best, ...kernel];
        }),
    );
}

async function observedOfNodes(sandbox: Sandbox, { cluster }: Lab): Promise<Facts> {
    const driver = netnsDriver(sandbox);
    const facts = await Promise.all(
        Object.keys(cluster.nodes).flatMap((name) =>
            families.map(async (family) => {
                const best = await gobgpBestPaths(sandbox, name, family);
                const kernel = await driver.kernelBgpRoutes(name, family);
                return [
                    ...best.map(
                        ({ prefix, nextHop, asPath }) => `${name} best ${prefix} ${nextHop} [${asPath.join(" ")}]`,
                    ),
                    ...kernel.map(({ prefix, nextHops }) => `${name} kernel ${prefix} ${nextHops.join(" ")}`),
                ];
            }),
        ),
    );
    driver.close();
    return facts.flat();
}

async function observedOfRouters(sandbox: Sandbox, lab: Lab): Promise<Facts> {
    const driver = netnsDriver(sandbox);
    const facts = await Promise.all(
        instancesOf(lab).map(async ({ device, neighbors }) => {
            const namespace = lab.routers[device]!.pod === undefined ? device : podNamespace(device);
            const bgpd = await vty(sandbox, namespace, "bgpd");
            const [sessions, rib4, rib6, kernel4, kernel6] = await Promise.all([
                bgpSummary(bgpd),
                bgpRoutes(bgpd, "ipv4"),
                bgpRoutes(bgpd, "ipv6"),
                driver.kernelBgpRoutes(device, "ipv4"),
                driver.kernelBgpRoutes(device, "ipv6"),
            ]);
            bgpd.close();
            const rib = { ipv4: rib4, ipv6: rib6 };
            const kernel = { ipv4: kernel4, ipv6: kernel6 };
            return observedFacts(device, undefined, { sessions, rib, kernel, vrfs: new Map() }, neighbors);
        }),
    );
    driver.close();
    return facts.flat();
}

type Nodes = Readonly<Record<string, NodeInputs>>;

function nodesOf(lab: Lab, { name }: Sandbox): Nodes {
    const specs = Object.keys(lab.cluster.nodes).map((each) => [each, { sandbox: name, ...nodeSpec(lab, each) }]);
    return Object.fromEntries(specs);
}

async function bringUp(sandbox: Sandbox, lab: Lab): Promise<void> {
    await sandbox.call("applyFabric", { fabric: { sandbox: "", ...fabricSpec(lab) } });
    const nodes = nodesOf(lab, sandbox);
    const routers = Object.entries(lab.routers).filter(([, { pod }]) => pod === undefined);
    await Promise.all([
        ...routers.map(([router]) => applyFrr(sandbox, routerSpec(lab, router))),
        ...Object.values(nodes).map((spec) => node.create(spec, context)),
    ]);
    await applyController(sandbox, undefined, controllerSpec(lab, nodes)!);
}

/** What happens to Pods is the nodes' business alone: nobody tells routers, speakers or the controller. */
async function letHappen(sandbox: Sandbox, before: Nodes, lab: Lab): Promise<Nodes> {
    const after = nodesOf(lab, sandbox);
    await Promise.all(Object.entries(after).map(([name, spec]) => node.update(before[name]!, spec, context)));
    return after;
}

async function expectPredicted(sandbox: Sandbox, lab: Lab, hint: string): Promise<void> {
    const prediction = predict(lab);
    const wanted = [...predictedOfNodes(lab, prediction), ...predictedFacts(lab, prediction)].sort();
    expect(differences(wanted, await untilSettled(sandbox, lab, wanted)), hint).toEqual([]);
}

/** Looks until what is wanted is seen twice in a row, or the time is over; gives what was seen last. */
async function untilSettled(sandbox: Sandbox, lab: Lab, wanted: Facts): Promise<Facts> {
    const deadline = Date.now() + patience;
    let wasThere = false;
    for (;;) {
        // A session or API that is not there yet is a lab on its way.
        const looks = await Promise.all([observedOfNodes(sandbox, lab), observedOfRouters(sandbox, lab)]);
        const seen = looks.flat().sort();
        const isThere = seen.join("\n") === wanted.join("\n");
        if ((isThere && wasThere) || Date.now() > deadline) {
            return seen;
        }
        wasThere = isThere;
        await new Promise((resolve) => setTimeout(resolve, pause));
    }
}

describe.skipIf(!available)("prediction and real gobgpd with routers in Pods", () => {
    const names: string[] = [];
    afterAll(() => Promise.all(names.map((name) => destroySandbox(name))));

    it.each(seeds)("settle on the same in random lab %i", { timeout: 240_000 }, async (seed) => {
        const plan = podPlanOf(seed);
        if (only !== undefined) {
            console.log(JSON.stringify(plan, undefined, 1));
        }
        const lab = podLab(plan);
        const hint = `SEED=${seed} npx vitest run tests/differential/pods.test.ts`;
        const name = `test-differential-pods-${process.pid}-${seed}`;
        names.push(name);
        const sandbox = await startSandbox(name);
        await bringUp(sandbox, lab);
        await expectPredicted(sandbox, lab, hint);
        let nodes = nodesOf(lab, sandbox);
        for (const { event, lab: after } of labsAfter(plan, lab)) {
            nodes = await letHappen(sandbox, nodes, after);
            await expectPredicted(sandbox, after, `${hint}, ${event}`);
        }
        await destroySandbox(name);
    });
});
