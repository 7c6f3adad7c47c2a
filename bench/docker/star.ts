import type { Family, Host, Interface, Lab, Router, Segment } from "../../lab/model";

/** Containers of a star: a router in the middle, nodes and one client around it, each with a link of its own. */
export interface StarArgs {
    /** Number of nodes, up to 250; the client comes on top. */
    readonly nodes: number;
    /** Families of the links. */
    readonly families: readonly Family[];
}

/** Name of the router. */
export const hub = "router0";

/** AS of the router, which has no neighbors: what is measured is containers, links and configuration. */
export const hubAsn = 65000;

/** The client and the nodes, in the order of their links. */
export function leaves(nodes: number): readonly string[] {
    return ["client0", ...Array.from({ length: nodes }, (_, index) => `node${index + 1}`)];
}

/** Address of an end of a leaf's link: the hub has host number 1, the leaf 2. */
export function linkAddress(family: Family, leaf: number, host: 1 | 2): string {
    const link = leaf + 1;
    return family === "ipv4" ? `10.203.${link}.${host}` : `fd00:203:${link.toString(16)}::${host}`;
}

/** Length of the subnet of a link. */
export const linkLength: Readonly<Record<Family, number>> = { ipv4: 24, ipv6: 64 };

/** What all links are part of. */
export const everything: Readonly<Record<Family, string>> = { ipv4: "10.203.0.0/16", ipv6: "fd00:203::/32" };

/** Subnet of a leaf's link. */
export function linkSubnet(family: Family, leaf: number): string {
    const link = leaf + 1;
    return family === "ipv4" ? `10.203.${link}.0/24` : `fd00:203:${link.toString(16)}::/64`;
}

/** The model of a star, without a cluster. */
export function star({ nodes, families }: StarArgs): Lab {
    const names = leaves(nodes);
    return {
        topology: "star",
        name: "star",
        segments: Object.fromEntries(names.map((name, link) => [name, segment(link, families)])),
        routers: { [hub]: router(names, families) },
        hosts: Object.fromEntries(names.map((name, link) => [name, leaf(name, link, families)])),
        cluster: {
            name: "none",
            kubernetesVersion: "1.34",
            podCidrs: [],
            serviceCidrs: [],
            nodeMask: { ipv4: 24, ipv6: 64 },
            nodeSegment: "none",
            nodes: {},
            cilium: { version: "1.20", routingMode: "tunnel", nativeRoutingCidrs: [], bgp: [] },
            loadBalancerPools: [],
            services: [],
            workloads: [],
        },
        checks: [],
    };
}

function segment(link: number, families: readonly Family[]): Segment {
    return { kind: "point-to-point", subnets: families.map((family) => linkSubnet(family, link)), mtu: 1500 };
}

function end(name: string, link: number, host: 1 | 2, families: readonly Family[], leafName: string): Interface {
    const addresses = families.map((family) => `${linkAddress(family, link, host)}/${linkLength[family]}`);
    return { name, attachment: { kind: "segment", segment: leafName }, addresses };
}

function router(names: readonly string[], families: readonly Family[]): Router {
    return {
        nos: "frr",
        interfaces: names.map((name, link) => end(`net${link}`, link, 1, families, name)),
        staticRoutes: [],
        prefixLists: [],
        bgp: {
            asn: hubAsn,
            routerId: "10.203.255.1",
            defaults: "datacenter",
            ebgpRequiresPolicy: false,
            multipathRelax: true,
            maximumPaths: 8,
            families: families.map((family) => ({ family, redistribute: ["connected"], networks: [] })),
            peerGroups: [],
            neighbors: [],
        },
    };
}

function leaf(name: string, link: number, families: readonly Family[]): Host {
    return {
        interfaces: [end("net0", link, 2, families, name)],
        staticRoutes: families.map((family) => ({
            prefix: everything[family],
            via: { kind: "address", address: linkAddress(family, link, 1) },
        })),
    };
}
