/** What holds for any lab with VRFs, reflectors, metrics, preferences and broken links: the labs of the differential test. */

import { describe, expect, it } from "vitest";
import { networkOf } from "../../lab/address";
import { routingInstances } from "../../lab/instances";
import type { Lab, Router } from "../../lab/model";
import { describe as describeSimulation } from "../../routing/describe";
import type { BgpPath, Prediction, Tables } from "../../routing/prediction";
import { simulate } from "../../routing/simulate";
import { UnrestError } from "../../routing/unrest";
import { buildCase, type Case, planOf } from "../differential/generator";

const families = ["ipv4", "ipv6"] as const;

/** The prediction of a case; nothing where routing does not come to rest. */
function predictionOf({ lab, down }: Case): Prediction | undefined {
    try {
        return describeSimulation(lab, simulate(lab, { down, sessions: new Map() }));
    } catch (error) {
        if (error instanceof UnrestError) {
            return undefined;
        }
        throw error;
    }
}

const cases = Array.from({ length: 60 }, (_, seed) => buildCase(planOf(1000 + seed))).flatMap((found) => {
    const prediction = predictionOf(found);
    return prediction === undefined ? [] : [{ ...found, prediction }];
});

function tablesOf({ devices }: Prediction, device: string, vrf: string | undefined): Tables {
    return vrf === undefined ? devices[device]! : devices[device]!.vrfs![vrf]!;
}

/** Every routing instance of every lab with its tables. */
const instances = cases.flatMap(({ lab, prediction }) =>
    Object.entries(lab.routers).flatMap(([device, router]) =>
        routingInstances(router).map((instance) => ({
            lab,
            prediction,
            device,
            router,
            instance,
            tables: tablesOf(prediction, device, instance.vrf),
        })),
    ),
);

function pathsOf({ rib }: Tables): readonly (readonly [prefix: string, path: BgpPath])[] {
    return families.flatMap((family) =>
        Object.entries(rib[family]).flatMap(([prefix, { paths }]) => paths.map((path) => [prefix, path] as const)),
    );
}

function vrfIn({ from }: BgpPath): string | undefined {
    return from.startsWith("vrf ") ? from.slice("vrf ".length) : undefined;
}

describe("in any lab with VRFs and reflectors", () => {
    it("are enough labs that come to rest, with enough of what is tested here", () => {
        const paths = instances.flatMap(({ tables }) => pathsOf(tables).map(([, path]) => path));
        expect(cases.length).toBeGreaterThan(40);
        expect(paths.filter((path) => vrfIn(path) !== undefined).length).toBeGreaterThan(100);
        expect(paths.filter(({ med }) => med !== undefined).length).toBeGreaterThan(10);
        expect(cases.filter(({ down }) => down.length > 0).length).toBeGreaterThan(5);
    });

    it("no path has gone through its holder's AS, or through any AS twice", () => {
        for (const { instance, tables } of instances) {
            for (const [, { asPath }] of pathsOf(tables)) {
                expect(asPath).not.toContain(instance.bgp.asn);
                expect(new Set(asPath).size).toBe(asPath.length);
            }
        }
    });

    it("what leaks is the best path of a VRF whose routes are imported, and has not leaked before", () => {
        for (const { prediction, device, router, instance, tables } of instances) {
            for (const [prefix, path] of pathsOf(tables)) {
                const source = vrfIn(path);
                if (source !== undefined) {
                    const family = prefix.includes(":") ? "ipv6" : "ipv4";
                    const there = tablesOf(prediction, device, source).rib[family][prefix]!.paths;
                    const best = there.find((each) => each.best)!;
                    expect(vrfIn(best)).toBeUndefined();
                    expect(path.asPath).toEqual(best.asPath);
                    const exported = router.vrfs!.find(({ name }) => name === source)!.exportTargets;
                    expect(instance.leaking!.importTargets.some((target) => exported.includes(target))).toBe(true);
                }
            }
        }
    });

    it("packets leave by an interface of the instance that is up, or go on in another VRF of the router", () => {
        for (const { lab, router, instance, tables } of instances) {
            const { down } = cases.find((each) => each.lab === lab)!;
            const device = Object.entries(lab.routers).find(([, each]) => each === router)![0];
            const broken = down.filter((port) => port.device === device).map((port) => port.interface);
            const ports = instance.interfaces.map(({ name }) => name).filter((name) => !broken.includes(name));
            const ways = new Set(["lo", ...ports, ...(router.vrfs ?? []).map(({ name }) => name)]);
            for (const route of families.flatMap((family) => Object.values(tables.fib[family]))) {
                expect(route.nextHops.filter(({ dev }) => !ways.has(dev))).toEqual([]);
            }
        }
    });

    it("no network of a cut link is connected any more", () => {
        for (const { lab, down, prediction } of cases) {
            for (const { device, interface: name } of down) {
                const port = lab.routers[device]!.interfaces.find((each) => each.name === name)!;
                const { fib } = tablesOf(prediction, device, port.vrf);
                for (const address of port.addresses) {
                    const route = { ...fib.ipv4, ...fib.ipv6 }[networkOf(address)];
                    expect(route?.protocol).not.toBe("connected");
                }
            }
        }
    });

    it("the outcome does not depend on the order of routers and neighbors, but for what is called undecided", () => {
        for (const found of cases) {
            const other = predictionOf({ ...found, lab: reversed(found.lab) });
            if (found.prediction.undecided === undefined) {
                expect(other?.devices).toEqual(found.prediction.devices);
            }
        }
        expect(cases.filter(({ prediction }) => prediction.undecided === undefined).length).toBeGreaterThan(30);
    });
});

function reversed(lab: Lab): Lab {
    const routers = Object.entries(lab.routers)
        .reverse()
        .map(([name, router]): readonly [string, Router] => [
            name,
            { ...router, bgp: { ...router.bgp, neighbors: router.bgp.neighbors.toReversed() } },
        ]);
    return { ...lab, routers: Object.fromEntries(routers) };
}
