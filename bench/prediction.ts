/**
 * Measures the prediction of large fabrics on one core: every leaf has networks of its own and a session with each spine.
 *
 * Usage: node -r ./scripts/register.cjs bench/prediction.ts [LEAVES …]      default: 250 500 1000
 */
import type { Interface, Lab, Neighbor, Router } from "../lab/model";
import { predict } from "../routing/predict";
import { row, seconds } from "./measure";

const spines = 2;
const networksPerLeaf = 20;

/** AS numbers from which spines and leaves are counted: private ones (RFC 6996). */
const spineAsn = 64512;
const leafAsn = 4_200_000_000;

/** A link of a leaf with a spine, by their numbers. */
function link(leaf: number, spine: number) {
    const number = leaf * spines + spine;
    const network = `10.${64 + (number >> 14)}.${(number >> 6) & 255}`;
    const first = (number & 63) * 4;
    return {
        name: `link${number}`,
        subnet: `${network}.${first}/30`,
        leaf: `${network}.${first + 1}`,
        spine: `${network}.${first + 2}`,
    };
}

function port(name: string, segment: string, address: string): Interface {
    return { name, attachment: { kind: "segment", segment }, addresses: [`${address}/30`] };
}

function neighbor(address: string, asn: number): Neighbor {
    const timers = { holdTime: 9, keepalive: 3, connectRetry: 1 };
    const settings = { remoteAs: { kind: "asn", asn }, timers, families: [{ family: "ipv4" }] } as const;
    return { address, remoteAsn: asn, session: { kind: "own", settings } };
}

function router(
    asn: number,
    routerId: string,
    interfaces: Interface[],
    neighbors: Neighbor[],
    networks: string[],
): Router {
    return {
        nos: "frr",
        interfaces,
        staticRoutes: networks.map((prefix) => ({ prefix, via: { kind: "blackhole" } })),
        prefixLists: [],
        bgp: {
            asn,
            routerId,
            defaults: "datacenter",
            ebgpRequiresPolicy: false,
            multipathRelax: true,
            maximumPaths: 64,
            families: [{ family: "ipv4", redistribute: ["static"], networks: [] }],
            peerGroups: [],
            neighbors,
        },
    };
}

function leafRouter(leaf: number): Router {
    const links = numbers(spines).map((spine) => link(leaf, spine));
    const [high, low] = [leaf >> 8, leaf & 255];
    return router(
        leafAsn + leaf,
        `1.0.${high}.${low}`,
        links.map(({ name, leaf: address }, spine) => port(`net${spine}`, name, address)),
        links.map(({ spine: address }, spine) => neighbor(address, spineAsn + spine)),
        numbers(networksPerLeaf).map((network) => `${20 + high}.${low}.${network}.0/24`),
    );
}

function spineRouter(spine: number, leaves: number): Router {
    const links = numbers(leaves).map((leaf) => link(leaf, spine));
    return router(
        spineAsn + spine,
        `2.0.0.${spine}`,
        links.map(({ name, spine: address }, leaf) => port(`net${leaf}`, name, address)),
        links.map(({ leaf: address }, leaf) => neighbor(address, leafAsn + leaf)),
        [],
    );
}

function fabric(leaves: number): Lab {
    const links = numbers(leaves).flatMap((leaf) => numbers(spines).map((spine) => link(leaf, spine)));
    return {
        topology: "bench",
        name: "bench",
        segments: Object.fromEntries(
            links.map(({ name, subnet }) => [name, { kind: "point-to-point", subnets: [subnet], mtu: 1500 }]),
        ),
        routers: Object.fromEntries([
            ...numbers(leaves).map((leaf) => [`leaf${leaf}`, leafRouter(leaf)]),
            ...numbers(spines).map((spine) => [`spine${spine}`, spineRouter(spine, leaves)]),
        ]),
        hosts: {},
        cluster: {
            name: "none",
            kubernetesVersion: "1.34.4",
            podCidrs: [],
            serviceCidrs: [],
            nodeMask: { ipv4: 24, ipv6: 64 },
            nodeSegment: "none",
            nodes: {},
            loadBalancerPools: [],
            services: [],
            workloads: [],
        },
        checks: [],
    };
}

function numbers(count: number): readonly number[] {
    return Array.from({ length: count }, (_, number) => number);
}

/** Seconds of processor time do not grow with what else the machine does. */
function measureFabric(leaves: number): number {
    const lab = fabric(leaves);
    const before = process.cpuUsage();
    const { sessions, devices } = predict(lab);
    const { user, system } = process.cpuUsage(before);
    const milliseconds = (user + system) / 1_000;
    const networks = leaves * networksPerLeaf;
    // The table of one router is written out to see that all of them are in it.
    const known = Object.values(devices.leaf0!.fib.ipv4).filter(({ nextHops }) => nextHops.length === spines).length;
    if (known !== networks - networksPerLeaf) {
        throw new Error(`leaf0 has ${known} routes over both spines, not ${networks - networksPerLeaf}`);
    }
    const perRoute = (milliseconds * 1e6) / (sessions.length * networks);
    const cells = [leaves + spines, networks, sessions.length].map((count) => count.toLocaleString("en"));
    const memory = `${Math.round(process.memoryUsage().rss / 1e6)} MB`;
    row("", ...cells, seconds(milliseconds), `${perRoute.toFixed(1)} ns`, memory);
    return perRoute;
}

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [250, 500, 1000];
console.log("\nPrediction, processor time of one core");
row("", "routers", "networks", "sessions", "time", "per pair", "memory");
const figures = sizes.map(measureFabric);
console.log(
    `time for each pair of a session and a network, largest to smallest fabric: ${(figures.at(-1)! / figures[0]!).toFixed(2)}` +
        " (1 or less: growth no worse than sessions × networks)",
);
