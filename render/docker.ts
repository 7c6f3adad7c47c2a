/** What a lab is on a Docker engine: names, addresses that Docker needs, and how each kind of container runs. */

import { createHash } from "node:crypto";
import {
    addressOf,
    contains,
    familyBits,
    familyOf,
    formatAddress,
    lengthOf,
    networkOf,
    prefixesOf,
    rangeOf,
    sizeOf,
} from "../lab/address";
import { findDevice, namedDevices } from "../lab/devices";
import { bridgeGateway, isUplink } from "../lab/gateway";
import type { Address, Device, Interface, Lab, Prefix, Router, SourceNat, StaticRoute } from "../lab/model";
import { nodePort } from "../lab/pods";
import type { RouteSpec, Silence, WiredInterface, WiredVrf, WiringInputs } from "../provider/schema";
import { bootFifoPath, bootFolder, wiringFilePath, wiringFolder, wiringScriptPath } from "./wiring-script";

/** Characters that leave room for a device's name in a DNS label (RFC 1035 §2.3.4). */
const longestPrefix = 40;

/** What the names of all containers and networks of a stack start with. */
export function dockerPrefix(project: string, stack: string): string {
    const full = `${project}-${stack}`;
    const plain = full
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-+|-+$/g, "");
    if (plain === full && full.length <= longestPrefix) {
        return full;
    }
    // Two stacks must not get one prefix.
    const digest = createHash("sha256").update(full).digest("hex").slice(0, 6);
    return `${plain.slice(0, longestPrefix - digest.length - 1).replace(/-+$/, "")}-${digest}`;
}

/**
 * The part of a lab that is made of containers and networks: without the routers in pods and their links, which the cluster
 * makes, and without what the network of pods gives to its nodes.
 */
export function withoutPods(lab: Lab): Lab {
    const made = Object.entries(lab.segments).filter(([, { kind }]) => kind !== "pod-link");
    const segments = Object.fromEntries(made);
    const nodes = Object.entries(lab.cluster.nodes).map(([name, node]) => {
        const interfaces = node.interfaces.filter(
            (each) => each.name !== nodePort && (segmentOf(each) ?? lab.cluster.nodeSegment) in segments,
        );
        const isThere = ({ via }: StaticRoute) =>
            via.kind !== "interface" || interfaces.some((each) => each.name === via.interface);
        return [name, { ...node, interfaces, staticRoutes: node.staticRoutes.filter(isThere) }] as const;
    });
    return {
        ...lab,
        segments,
        routers: Object.fromEntries(Object.entries(lab.routers).filter(([, { pod }]) => pod === undefined)),
        cluster: { ...lab.cluster, nodes: Object.fromEntries(nodes) },
    };
}

/** Name of the container of a device. */
export function dockerName(prefix: string, name: string): string {
    return `${prefix}-${name}`;
}

/**
 * Name of the network of a segment. Of the networks that a container is on, Docker publishes its ports on the one whose name
 * comes first (libnetwork, `endpoint.Less`): for nodes, that must be kind's, which publishes the API server there.
 */
export function networkName(lab: Lab, prefix: string, segment: string): string {
    const { nodes, nodeSegment } = lab.cluster;
    const hasNodes = Object.values(nodes).some(({ interfaces }) =>
        interfaces.some((each) => segmentOf(each) === segment),
    );
    return dockerName(prefix, hasNodes && segment < nodeSegment ? `${nodeSegment}-${segment}` : segment);
}

/**
 * Address in a subnet of a segment that Docker takes for itself.
 *
 * @throws Error when devices have all addresses of the subnet
 */
export function segmentGateway(lab: Lab, segment: string, subnet: Prefix): Address {
    const gateway = bridgeGateway(lab, segment, subnet);
    if (gateway === undefined) {
        throw new Error(
            `segments.${segment}: the devices have every address of ${subnet}, and Docker needs one; use a shorter prefix`,
        );
    }
    return gateway;
}

/** Which addresses of a subnet Docker gives to containers that ask for none. */
export interface AddressPool {
    /** They are all in this network. */
    readonly range: Prefix;
    /** Addresses of it that are not given. */
    readonly reserved: readonly Address[];
}

/** Addresses that a pool may leave out: each is an argument of the network. */
const mostReserved = 1024n;

/**
 * What kind's nodes may be given in a subnet of their network, where routers or hosts are on it, too. kind takes whatever
 * Docker gives, and those devices know the nodes by the model's addresses: so exactly those are left to give. Which node
 * has which of them is still the cluster's choice. Nothing where only nodes are on the network: any address will do.
 *
 * @throws Error when the nodes' addresses are too far apart
 */
export function nodePool(lab: Lab, subnet: Prefix): AddressPool | undefined {
    const { nodeSegment, nodes } = lab.cluster;
    const onSubnet = namedDevices(lab).flatMap(([name, { interfaces }]) =>
        interfaces
            .filter((each) => segmentOf(each) === nodeSegment)
            .flatMap(({ addresses }) => addresses.map(addressOf))
            .filter((address) => contains(subnet, address))
            .map((address) => ({ address, isNode: name in nodes })),
    );
    const wanted = new Set(onSubnet.filter(({ isNode }) => isNode).map(({ address }) => address));
    if (wanted.size === 0 || wanted.size === onSubnet.length) {
        return undefined;
    }
    const range = enclosing([...wanted]);
    if (sizeOf(range) > mostReserved) {
        throw new Error(
            `cluster.nodes: beside routers or hosts on ${nodeSegment}, the nodes' addresses must be within ${mostReserved} of each other, and ${range} is more; move them together`,
        );
    }
    const { first, last } = rangeOf(subnet);
    const others = new Set(onSubnet.map(({ address }) => address));
    const own = [formatAddress(familyOf(subnet), first), formatAddress(familyOf(subnet), last)];
    const taken = [...own, segmentGateway(lab, nodeSegment, subnet)];
    return { range, reserved: addressesOf(range).filter((each) => !others.has(each) && !taken.includes(each)) };
}

/** The smallest network that has all of some addresses. */
function enclosing(addresses: readonly Address[]): Prefix {
    const [first = ""] = addresses;
    const lengths = Array.from({ length: familyBits(familyOf(first)) + 1 }, (_, length) => length).reverse();
    const networks = lengths.map((length) => networkOf(`${first}/${length}`));
    return networks.find((network) => addresses.every((address) => contains(network, address)))!;
}

function addressesOf(prefix: Prefix): readonly Address[] {
    const { first } = rangeOf(prefix);
    return Array.from({ length: Number(sizeOf(prefix)) }, (_, index) =>
        formatAddress(familyOf(prefix), first + BigInt(index)),
    );
}

function segmentOf({ attachment }: Interface): string | undefined {
    return attachment.kind === "segment" ? attachment.segment : undefined;
}

/**
 * What Docker calls interfaces on the lab's networks, with a number, until the wiring names them: nothing that a model calls
 * its own. Only on the network of the nodes it keeps to `eth`, because kind's nodes are used to that.
 */
export const dockerInterfacePrefix = "dkr";

/**
 * The wiring of a device. A node's interface on the network of the cluster is kind's, and so is its address; routes that
 * lead to pods of other nodes are Cilium's.
 *
 * @param prefix what the names of the networks start with
 * @throws Error if the lab has no such device, or an interface has a name that Docker gives
 */
export function wiringSpec(
    lab: Lab,
    name: string,
    prefix: string,
): Pick<WiringInputs, "interfaces" | "routes" | "forwarding" | "loopback" | "silence" | "vrfs"> {
    const device = findDevice(lab, name);
    if (device === undefined) {
        throw new Error(`the lab ${lab.name} has no device ${name}`);
    }
    const leadsOut = isWayOut(lab, name);
    return {
        interfaces: Object.fromEntries(wiredInterfaces(lab, name, device, prefix)),
        routes: Object.fromEntries(kernelRoutes(lab, name, device)),
        forwarding: !(name in lab.hosts) || leadsOut,
        ...loopback(device),
        ...vrfs(lab.routers[name]),
        ...(name in lab.cluster.nodes || leadsOut ? silence(lab, device) : {}),
    };
}

/** Segments that lead out and that a device is on. */
function uplinksOf(lab: Lab, { interfaces }: Device): readonly string[] {
    return interfaces.flatMap((each) => segmentOf(each) ?? []).filter((segment) => isUplink(lab, segment));
}

/** Whether a host stands for the world: it is on a segment that leads out, and routers send there what they hide. */
function isWayOut(lab: Lab, name: string): boolean {
    const host = lab.hosts[name];
    if (host === undefined || uplinksOf(lab, host).length === 0) {
        return false;
    }
    const own = host.interfaces.flatMap(({ addresses }) => addresses.map(addressOf));
    return Object.values(lab.routers).some(
        ({ sourceNat = [], staticRoutes }) =>
            sourceNat.length > 0 &&
            staticRoutes.some(
                ({ prefix, via }) => lengthOf(prefix) === 0 && via.kind === "address" && own.includes(via.address),
            ),
    );
}

/** What the model has on loopbacks of their own is on the one that every container has. */
function loopback({ interfaces }: Device): Pick<WiringInputs, "loopback"> {
    const addresses = interfaces
        .filter(({ attachment, vrf }) => attachment.kind === "loopback" && vrf === undefined)
        .flatMap((each) => each.addresses);
    return addresses.length === 0 ? {} : { loopback: addresses };
}

/** Number before that of the first VRF's routing table: far from those of the kernel and of Docker. */
const beforeTables = 1000;

function vrfs(router: Router | undefined): Pick<WiringInputs, "vrfs"> {
    if (router?.vrfs === undefined || router.vrfs.length === 0) {
        return {};
    }
    const wired = router.vrfs.map(({ name }, index): [string, WiredVrf] => {
        const own = router.interfaces.filter(({ vrf }) => vrf === name);
        const [links, loopbacks] = ["segment", "loopback"].map((kind) =>
            own.filter(({ attachment }) => attachment.kind === kind),
        );
        return [
            name,
            {
                table: beforeTables + index + 1,
                interfaces: links!.map((each) => each.name),
                addresses: loopbacks!.flatMap(({ addresses }) => addresses),
            },
        ];
    });
    return { vrfs: Object.fromEntries(wired) };
}

function wiredInterfaces(lab: Lab, device: string, { interfaces }: Device, prefix: string): [string, WiredInterface][] {
    const isNode = device in lab.cluster.nodes;
    const isOnNodeSegment = interfaces.some((each) => segmentOf(each) === lab.cluster.nodeSegment);
    return interfaces.flatMap(({ name, attachment, addresses }): [string, WiredInterface][] => {
        if (attachment.kind === "loopback" || (isNode && attachment.segment === lab.cluster.nodeSegment)) {
            return [];
        }
        if (isDockers(name) || (isOnNodeSegment && /^eth\d/.test(name))) {
            throw new Error(
                `${device}: an interface cannot be called ${name}, because Docker gives such names; use another, e.g. net0`,
            );
        }
        const { mtu } = lab.segments[attachment.segment]!;
        return [[name, { network: networkName(lab, prefix, attachment.segment), addresses, mtu }]];
    });
}

function isDockers(name: string): boolean {
    return new RegExp(`^(${dockerInterfacePrefix}|veth|moved)\\d`).test(name);
}

function kernelRoutes(lab: Lab, name: string, device: Device): (readonly [Prefix, RouteSpec])[] {
    // A router's static routes are its routing daemon's, which puts them into the kernel itself.
    if (name in lab.routers) {
        return [];
    }
    const own = device.staticRoutes.filter((route) => !leadsToPods(lab, route)).map(kernelRoute);
    if (name in lab.cluster.nodes) {
        return [...defaultRoutes(lab, device, lab.cluster.nodeSegment), ...own];
    }
    return isWayOut(lab, name) ? [...defaultRoutes(lab, device, uplinksOf(lab, device)[0]!), ...own] : own;
}

/**
 * Load-balancer addresses are no interface's. What asks one of them for a port that no service has, or pings it, is not
 * taken by kube-proxy or Cilium, and comes to the routing decision: it would go back to the router by the node's route to
 * the lab, to the node again, and so on until its TTL ends. Here it ends in silence, as in a cluster whose nodes have no
 * route to the addresses.
 *
 * What a service has comes through: its destination is changed before that decision (netfilter's PREROUTING, Cilium's
 * BPF). So does what a process on the node itself asks, because only what comes in by a link ends here: with kube-proxy
 * the destination of its packets is changed after they were routed.
 */
function silence(lab: Lab, { interfaces }: Device): { readonly silence?: Silence } {
    const prefixes = lab.cluster.loadBalancerPools.flatMap(({ blocks }) => blocks.flatMap(prefixesOf));
    const links = interfaces.filter(({ attachment }) => attachment.kind === "segment").map(({ name }) => name);
    return prefixes.length === 0 ? {} : { silence: { interfaces: links, prefixes } };
}

/** To the embedded runtime such a route stands for the overlay. */
function leadsToPods({ cluster }: Lab, { prefix, via }: StaticRoute): boolean {
    return via.kind === "interface" && cluster.podCidrs.some((pods) => contains(pods, prefix));
}

/** The way to the world by a segment, which Docker would move to any network that a container is joined to. */
function defaultRoutes(lab: Lab, { staticRoutes }: Device, segment: string): (readonly [Prefix, RouteSpec])[] {
    const own = new Set(staticRoutes.map(({ prefix }) => prefix));
    return lab.segments[segment]!.subnets.flatMap((subnet) => {
        const everything = familyOf(subnet) === "ipv4" ? "0.0.0.0/0" : "::/0";
        return own.has(everything) ? [] : [[everything, { via: segmentGateway(lab, segment, subnet) }] as const];
    });
}

function kernelRoute({ prefix, via }: StaticRoute): readonly [Prefix, RouteSpec] {
    switch (via.kind) {
        case "address":
            return [prefix, { via: via.address }];
        case "interface":
            return [prefix, { dev: via.interface }];
        case "blackhole":
            return [prefix, { blackhole: true }];
    }
}

/** Linux capabilities of a host: it sets its own addresses and routes, and pings. */
export const hostCapabilities = ["NET_ADMIN", "NET_RAW"] as const;

/** Linux capabilities of a router; FRR's zebra asks for SYS_ADMIN. */
export const routerCapabilities = ["NET_ADMIN", "NET_RAW", "SYS_ADMIN"] as const;

/**
 * Kernel settings of a container of its own; where it is not privileged, they cannot be changed from inside. Docker
 * refuses them to a container that shares a network namespace.
 */
export function sysctls({ forwarding }: { readonly forwarding: boolean }): Readonly<Record<string, string>> {
    const forwards = forwarding ? "1" : "0";
    return {
        "net.ipv4.ip_forward": forwards,
        "net.ipv6.conf.all.forwarding": forwards,
        // Docker turns IPv6 off in a container that starts without a network that has it.
        "net.ipv6.conf.all.disable_ipv6": "0",
        "net.ipv6.conf.default.disable_ipv6": "0",
        // No address of a lab is there twice, and nobody waits for the kernel to see that (RFC 4862 §5.4).
        "net.ipv6.conf.all.accept_dad": "0",
        "net.ipv6.conf.default.accept_dad": "0",
        // Answers may come back over another link than the one a packet left by.
        "net.ipv4.conf.all.rp_filter": "0",
        "net.ipv4.conf.default.rp_filter": "0",
        // Connections, not pairs of hosts, are spread over equal paths.
        "net.ipv4.fib_multipath_hash_policy": "1",
        "net.ipv6.fib_multipath_hash_policy": "1",
    };
}

/** What Docker runs in a container; arguments of docker.Container. */
export interface ContainerProcess {
    readonly entrypoints: readonly string[];
    readonly command: readonly string[];
    /** Docker's own init ends the container at once when it is told to, and reaps what others leave. */
    readonly init: true;
    readonly restart: "unless-stopped";
    /** Interfaces and routes are root's, whoever an image runs as. */
    readonly user: "0";
}

const standing = { init: true, restart: "unless-stopped", user: "0" } as const;

/** Keeps the wiring as soon as there is one. It comes later than the container, and changes more often. */
const supervise = `until [ -e ${wiringFilePath} ]; do sleep 1; done; exec sh ${wiringScriptPath} keep`;

/** A host: nothing runs in it but what keeps its wiring. */
export function hostProcess(): ContainerProcess {
    return { entrypoints: ["sh", "-c"], command: [supervise], ...standing };
}

/**
 * Before FRR first starts in a container, the configuration that the image brings is emptied, and the daemons that a lab
 * needs are turned on; each container of the frrouting project's images starts those that `/etc/frr/daemons` names. FRR
 * calls an interface by the name that it first saw, so it starts when the wiring has named them.
 */
const startRouter = `if [ ! -e ${wiringFolder} ]; then
    mkdir -p ${wiringFolder}
    : >/etc/frr/frr.conf
    echo "service integrated-vtysh-config" >/etc/frr/vtysh.conf
    chown frr:frr /etc/frr/frr.conf
fi
sed -i -e "s/^bgpd=no/bgpd=yes/" -e "s/^bfdd=no/bfdd=yes/" /etc/frr/daemons
(sh -c "$1" &)
[ ! -d ${bootFolder} ] || (sh -c "$2" &)
until [ -e ${wiringFilePath} ]; do sleep 0.1; done
exec /usr/lib/frr/docker-start`;

/** A router: FRR as the frrouting project's images start it, and what keeps the wiring. */
export function routerProcess(): ContainerProcess {
    return { entrypoints: ["sh", "-c"], command: [startRouter, "router", supervise, tellSidecar], ...standing };
}

/** Tells a sidecar which network namespace the container has; the FIFO stays open as long as the container runs. */
const tellSidecar = `[ -p ${bootFifoPath} ] || mkfifo ${bootFifoPath}
exec 4<>${bootFifoPath}
readlink /proc/self/ns/net >&4
while :; do sleep 86400; done`;

/**
 * A sidecar shares a node's network namespace, which ends when the node stops. It waits for the node to tell of another
 * one, and then ends, so that Docker starts it there. It needs the volume in which the node tells.
 */
const followNode = `own=$(readlink /proc/self/ns/net)
while :; do
    [ ! -p ${bootFifoPath} ] || while read -r netns; do [ "$netns" = "$own" ] || exit 0; done <${bootFifoPath}
    sleep 1
done`;

/**
 * A sidecar of a node or router.
 *
 * @param sourceNat source addresses that it hides in the network namespace, as the images of routing daemons cannot
 */
export function sidecarProcess(sourceNat: readonly SourceNat[] = []): ContainerProcess {
    const command = sourceNat.length === 0 ? followNode : `${hideSources(sourceNat)}\n${followNode}`;
    return { entrypoints: ["sh", "-c"], command: [command], ...standing };
}

/** Does nothing twice: a sidecar may start again in the network namespace that it was in. */
function hideSources(sourceNat: readonly SourceNat[]): string {
    const nft = sourceNat.map(
        ({ interface: name, source }) => `${familyWord(source)} saddr ${source} oifname "${name}" masquerade`,
    );
    const iptables = sourceNat.map(({ interface: name, source }) => {
        const rule = `POSTROUTING -s ${source} -o ${name} -j MASQUERADE`;
        const program = familyOf(source) === "ipv4" ? "iptables" : "ip6tables";
        return `    ${program} -t nat -C ${rule} 2>/dev/null || ${program} -t nat -A ${rule} || exit 1`;
    });
    return `if command -v nft >/dev/null; then
    nft -f - <<END || exit 1
table inet bgp-lab
delete table inet bgp-lab
table inet bgp-lab {
    chain postrouting {
        type nat hook postrouting priority 100
        ${nft.join("\n        ")}
    }
}
END
elif command -v iptables >/dev/null; then
${iptables.join("\n")}
else
    echo "source NAT needs an image with nft or iptables: set bgp-lab:docker.images.client" >&2
    exit 1
fi`;
}

function familyWord(prefix: Prefix): "ip" | "ip6" {
    return familyOf(prefix) === "ipv4" ? "ip" : "ip6";
}
