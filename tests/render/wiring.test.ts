import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { namedDevices } from "../../lab/devices";
import type { Device, Interface, Lab, Router } from "../../lab/model";
import { dockerPrefix, networkName, nodePool, wiringSpec } from "../../render/docker";
import { wiringFile } from "../../render/wiring";
import { schema as calicoSchema, planCalicoMetalLbVrf } from "../../stacks/calico-metallb-vrf";
import { expectGolden } from "../golden";
import { lab } from "./labs";

/** What each device of a lab is told, under its name. */
function wirings(model: Lab): string {
    return [...namedDevices(model)]
        .map(([device]) => {
            const shared = device in model.cluster.nodes;
            return `# ${device}\n${wiringFile({ ...wiringSpec(model, device, "lab"), shared })}\n`;
        })
        .join("\n");
}

/** The lab with its router on the network of the nodes, too, and with loopbacks. */
function onNodeNetwork(address: string): Lab {
    const model = lab();
    const router = model.routers.router0!;
    const interfaces: readonly Interface[] = [
        ...router.interfaces,
        { name: "net8", attachment: { kind: "segment", segment: model.cluster.nodeSegment }, addresses: [address] },
        { name: "lo0", attachment: { kind: "loopback" }, addresses: ["1.1.1.0/32"] },
        { name: "lo1", attachment: { kind: "loopback" }, addresses: ["1.1.1.1/32"] },
    ];
    return { ...model, routers: { router0: { ...router, interfaces } } };
}

/** The lab with the last interface of a device called otherwise. */
function renamed(device: string, name: string): Lab {
    const model = lab();
    const change = <T extends Device>(devices: Readonly<Record<string, T>>) =>
        Object.fromEntries(
            Object.entries(devices).map(([each, { interfaces, ...rest }]) => [
                each,
                {
                    ...rest,
                    interfaces:
                        each === device ? [...interfaces.slice(0, -1), { ...interfaces.at(-1)!, name }] : interfaces,
                },
            ]),
        ) as unknown as Readonly<Record<string, T>>;
    const { hosts, cluster } = model;
    return { ...model, hosts: change(hosts), cluster: { ...cluster, nodes: change(cluster.nodes) } };
}

describe("the wiring of containers", () => {
    it("is, for single-frr, the golden one", () => {
        expectGolden(join(__dirname, "golden", "wiring.txt"), wirings(lab()));
    });

    it("ends on each node, and nowhere else, what no service takes of any pool", () => {
        const pools = [
            { name: "first", blocks: ["10.254.0.0/24", "fd00:10:254::/64"] },
            { name: "second", blocks: ["10.253.7.0/24"] },
        ];
        const model = lab({ pools });
        for (const [device, { interfaces }] of namedDevices(model)) {
            const isNode = device in model.cluster.nodes;
            expect(wiringSpec(model, device, "lab").silence).toEqual(
                isNode
                    ? {
                          prefixes: pools.flatMap((pool) => pool.blocks),
                          interfaces: interfaces.map(({ name }) => name),
                      }
                    : undefined,
            );
        }
    });

    it("puts a range of addresses that no service takes down as the networks that make it up", () => {
        const model = lab();
        const loadBalancerPools = [{ name: "blue", blocks: ["172.18.0.200-172.18.0.210"] }];
        const ranged = { ...model, cluster: { ...model.cluster, loadBalancerPools } };
        const node = Object.keys(model.cluster.nodes)[0]!;
        expect(wiringSpec(ranged, node, "lab").silence?.prefixes).toEqual([
            "172.18.0.200/29",
            "172.18.0.208/31",
            "172.18.0.210/32",
        ]);
    });

    it("joins a router to the nodes' own network, has loopbacks in it, and leaves the nodes there to kind", () => {
        const model = onNodeNetwork("172.18.0.254/16");
        const { interfaces, loopback } = wiringSpec(model, "router0", "lab");
        expect(interfaces.net8).toEqual({ network: "lab-kind", addresses: ["172.18.0.254/16"], mtu: 1500 });
        expect(loopback).toEqual(["1.1.1.0/32", "1.1.1.1/32"]);
        const node = Object.keys(model.cluster.nodes)[0]!;
        expect(Object.values(wiringSpec(model, node, "lab").interfaces).map(({ network }) => network)).not.toContain(
            "lab-kind",
        );
    });

    it("puts interfaces into their VRFs before they get addresses, and loopbacks on the VRFs' own devices", () => {
        const model = planCalicoMetalLbVrf(calicoSchema.parse({}));
        const [[name, router]] = Object.entries(model.routers) as [[string, Router]];
        const lines = wiringFile({ ...wiringSpec(model, name, "lab"), shared: false }).split("\n");
        const places = router.interfaces.filter(({ vrf }) => vrf !== undefined);
        expect(places.length).toBeGreaterThan(2);
        for (const { name: port, vrf, attachment, addresses } of places) {
            const device = lines.findIndex((line) => line.startsWith(`vrf ${vrf} `));
            if (attachment.kind === "loopback") {
                expect(lines[device]!.split(" ").slice(3)).toEqual(addresses);
            } else {
                const member = lines.indexOf(`member ${port} ${vrf}`);
                expect(member).toBeGreaterThan(device);
                expect(lines.findIndex((line) => line.startsWith(`interface ${port} `))).toBeGreaterThan(member);
            }
        }
        const ofDefault = router.interfaces.filter(
            ({ attachment, vrf }) => attachment.kind === "loopback" && vrf === undefined,
        );
        expect(lines).toContain(`loopback ${ofDefault.flatMap(({ addresses }) => addresses).join(" ")}`);
    });

    it("is the same text whatever the order of what it is made of", () => {
        const spec = { ...wiringSpec(lab(), "router0", "lab"), shared: false };
        const interfaces = Object.fromEntries(Object.entries(spec.interfaces).reverse());
        expect(Object.keys(interfaces).length).toBeGreaterThan(1);
        expect(wiringFile({ ...spec, interfaces })).toBe(wiringFile(spec));
    });

    it.each(["dkr1", "veth0", "moved2"])(
        "refuses the interface name %s, which Docker or the script may give",
        (name) => {
            expect(() => wiringSpec(renamed("client0", name), "client0", "lab")).toThrow(
                `client0: an interface cannot be called ${name}`,
            );
        },
    );

    it("lets a device call its interface eth1, but not on the network of the nodes, where Docker may", () => {
        expect(Object.keys(wiringSpec(renamed("client0", "eth1"), "client0", "lab").interfaces)).toEqual(["eth1"]);
        const node = Object.keys(lab().cluster.nodes)[0]!;
        expect(() => wiringSpec(renamed(node, "eth1"), node, "lab")).toThrow(
            `${node}: an interface cannot be called eth1`,
        );
    });
});

describe("the addresses that kind's nodes may be given", () => {
    it("are any where only nodes are on their network", () => {
        expect(nodePool(lab(), "172.18.0.0/16")).toBeUndefined();
    });

    it("are, beside a router, exactly those of the model's nodes", () => {
        const model = onNodeNetwork("172.18.0.5/16");
        const { range, reserved } = nodePool(model, "172.18.0.0/16")!;
        // The nodes have .2 to .4, the bridge .1, the router .5; the network's own address is never given.
        expect(range).toBe("172.18.0.0/29");
        expect(reserved).toEqual(["172.18.0.6", "172.18.0.7"]);
    });

    it("cannot be far apart beside a router", () => {
        const model = onNodeNetwork("172.18.0.5/16");
        const [first, node] = Object.entries(model.cluster.nodes)[0]!;
        const interfaces = [{ ...node.interfaces[0]!, addresses: ["172.18.200.2/16"] }];
        const nodes = { ...model.cluster.nodes, [first]: { ...node, interfaces } };
        const spread = { ...model, cluster: { ...model.cluster, nodes } };
        expect(() => nodePool(spread, "172.18.0.0/16")).toThrow("must be within 1024 of each other");
    });
});

describe("the network of a segment", () => {
    it("is called after it, and behind that of the nodes where nodes are on both", () => {
        const model = lab();
        expect(networkName(model, "lab", "kind")).toBe("lab-kind");
        expect(networkName(model, "lab", "router0-worker")).toBe("lab-router0-worker");
        const segments = Object.keys(model.segments).filter((name) => name !== "kind");
        const { nodes } = model.cluster;
        const late = { ...model, cluster: { ...model.cluster, nodeSegment: "zone" } };
        const names = segments.map((name) => networkName(late, "lab", name));
        expect(names.filter((name) => name > "lab-zone")).toHaveLength(Object.keys(nodes).length);
        expect(names).toContain("lab-router0-client0");
    });
});

describe("the prefix of a stack's names", () => {
    it("is project and stack where they are plain and short", () => {
        expect(dockerPrefix("bgp-lab", "single-frr")).toBe("bgp-lab-single-frr");
    });

    it("differs between stacks that only special characters, or the end of a long name, tell apart", () => {
        const long = "x".repeat(60);
        const stacks = ["a.b", "a_b", "A-b", "a-b", `${long}1`, `${long}2`];
        const prefixes = stacks.map((stack) => dockerPrefix("bgp-lab", stack));
        expect(new Set(prefixes).size).toBe(stacks.length);
        for (const prefix of prefixes) {
            expect(prefix).toMatch(/^[a-z0-9][a-z0-9-]{0,39}$/);
        }
    });
});
