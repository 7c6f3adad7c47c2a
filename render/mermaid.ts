import { addressOf, familyName } from "../lab/address";
import type { Device, Family, Lab, Service } from "../lab/model";
import { advertisingNodes, podsOn } from "../lab/services";
import { sessions } from "../lab/sessions";
import { nodeSpeakers, programNames } from "../lab/speakers";

/** A cluster of more nodes than this is drawn folded: the first few, and one box for the others. */
const mostNodes = 12;
const nodesBeforeFold = 3;

/** A Mermaid flowchart of a lab: devices, segments with their subnets, BGP sessions with their ASes, and services. */
export function mermaid(lab: Lab): string {
    const boxes = boxesOf(lab);
    const lines = [
        "flowchart LR",
        ...indent(Object.keys(lab.hosts).map((name) => host(lab, name))),
        ...indent(Object.keys(lab.routers).map((name) => router(lab, name))),
        ...indent(cluster(lab, boxes)),
        ...indent(bridges(lab)),
        ...indent(links(lab, boxes)),
        ...indent(bgp(lab, boxes)),
        ...indent(services(lab)),
    ];
    return `${lines.join("\n")}\n`;
}

/** The box that a device is drawn as, by the device's name. */
type Boxes = (device: string) => string;

const folded = "more_nodes";

function boxesOf(lab: Lab): Boxes {
    const hidden = new Set(foldedNodes(lab));
    return (device) => (hidden.has(device) ? folded : id(device));
}

function foldedNodes(lab: Lab): readonly string[] {
    const names = Object.keys(lab.cluster.nodes);
    return names.length > mostNodes ? names.slice(nodesBeforeFold) : [];
}

function host(lab: Lab, name: string): string {
    const addresses = lab.hosts[name]!.interfaces.flatMap((port) => port.addresses.map(addressOf));
    return box(name, [name, ...addresses]);
}

function router(lab: Lab, name: string): string {
    const { nos, bgp: speaker, vrfs = [] } = lab.routers[name]!;
    return box(name, [name, `${nos.toUpperCase()}, AS ${speaker.asn}`, ...vrfs.map((vrf) => `VRF ${vrf.name}`)]);
}

function cluster(lab: Lab, boxes: Boxes): string[] {
    const { name, kubernetesVersion, nodes, nodeSegment } = lab.cluster;
    if (Object.keys(nodes).length === 0) {
        return [];
    }
    const hidden = foldedNodes(lab);
    const title = [
        `${name}: Kubernetes ${kubernetesVersion}, ${networkOf(lab)}`,
        `node network ${(lab.segments[nodeSegment]?.subnets ?? []).join(", ")}`,
    ];
    const shown = Object.keys(nodes).filter((node) => boxes(node) !== folded);
    return [
        `subgraph cluster["${text(title)}"]`,
        ...indent(shown.map((node) => kubernetesNode(lab, node))),
        ...indent(hidden.length === 0 ? [] : [foldedBox(lab, hidden)]),
        "end",
    ];
}

/** The programs that make the network of the cluster. */
function networkOf({ cluster: { cilium, calico, metallb } }: Lab): string {
    const programs = { Cilium: cilium, Calico: calico, MetalLB: metallb };
    return Object.entries(programs)
        .flatMap(([name, program]) => (program === undefined ? [] : [`${name} ${program.version}`]))
        .join(", ");
}

function kubernetesNode(lab: Lab, name: string): string {
    const pods = podsOn(lab, name).map((pod) => pod.name);
    return box(name, [name, asnText(lab, name), ...(pods.length === 0 ? [] : [`pods ${pods.join(", ")}`])]);
}

function asnText(lab: Lab, node: string): string {
    const speakers = nodeSpeakers(lab, node);
    if (speakers.length > 1) {
        return speakers.map(({ program, asn }) => `${programNames[program]} AS ${asn}`).join(", ");
    }
    return speakers.length === 0 ? "no BGP" : `AS ${speakers[0]!.asn}`;
}

function foldedBox(lab: Lab, nodes: readonly string[]): string {
    const asns = nodes.flatMap((node) => nodeSpeakers(lab, node).map(({ asn }) => asn));
    const pods = nodes.flatMap((node) => podsOn(lab, node)).length;
    const label = [
        `${nodes.length} more nodes`,
        ...(asns.length === 0 ? [] : [asnRange(asns)]),
        ...(pods === 0 ? [] : [pods === 1 ? "1 pod" : `${pods} pods`]),
    ];
    return `${folded}[["${text(label)}"]]`;
}

function asnRange(asns: readonly number[]): string {
    const [first, last] = [Math.min(...asns), Math.max(...asns)];
    return first === last ? `AS ${first}` : `AS ${first} to ${last}`;
}

/** Bridges other than the node network, which the cluster's title names. */
function bridges(lab: Lab): string[] {
    return Object.entries(lab.segments)
        .filter(([name, { kind }]) => kind === "bridge" && name !== lab.cluster.nodeSegment)
        .map(([name, { subnets }]) => `${segmentId(name)}{{"${text([name, ...subnets])}"}}`);
}

/** Cables, and the cables to bridges. */
function links(lab: Lab, boxes: Boxes): string[] {
    const edges = edgeList();
    for (const [name, segment] of Object.entries(lab.segments)) {
        const ends = attached(lab).get(name) ?? [];
        if (segment.kind === "point-to-point") {
            const [a, b] = ends;
            edges.add(boxes(a ?? ""), boxes(b ?? ""), segment.subnets.join("<br/>"));
        } else if (name !== lab.cluster.nodeSegment) {
            for (const end of ends) {
                edges.add(boxes(end), segmentId(name), "");
            }
        }
    }
    return edges.all().map(({ from, to, labels: [label = "", ...others] }) => {
        const shown = others.length === 0 ? label : `${others.length + 1} links`;
        return shown === "" ? `${from} --- ${to}` : `${from} ---|"${shown}"| ${to}`;
    });
}

const attachedByLab = new WeakMap<Lab, ReadonlyMap<string, readonly string[]>>();

/** Devices on each segment. */
function attached(lab: Lab): ReadonlyMap<string, readonly string[]> {
    const known = attachedByLab.get(lab);
    if (known !== undefined) {
        return known;
    }
    const bySegment = new Map<string, string[]>();
    for (const [name, { interfaces }] of devices(lab)) {
        for (const { attachment } of interfaces) {
            if (attachment.kind === "segment") {
                bySegment.set(attachment.segment, [...(bySegment.get(attachment.segment) ?? []), name]);
            }
        }
    }
    attachedByLab.set(lab, bySegment);
    return bySegment;
}

/** Hosts first: edges are drawn from left to right in the order of their ends. */
function devices(lab: Lab): readonly (readonly [string, Device])[] {
    return [...Object.entries(lab.hosts), ...Object.entries(lab.routers), ...Object.entries(lab.cluster.nodes)];
}

/** Sessions between two devices as one edge, with both ASes and all families. */
function bgp(lab: Lab, boxes: Boxes): string[] {
    const edges = edgeList();
    const carried = new Map<string, Set<Family>>();
    for (const { local, remote } of sessions(lab)) {
        const [from, to] = [boxes(local.node), boxes(remote.node)];
        edges.add(from, to, `AS ${local.speaker.asn} to AS ${remote.speaker.asn}`);
        const families = carried.get(`${from} ${to}`) ?? new Set();
        for (const family of local.families.filter((each) => remote.families.includes(each))) {
            families.add(family);
        }
        carried.set(`${from} ${to}`, families);
    }
    return edges.all().map(({ from, to, labels }) => {
        const names = [...(carried.get(`${from} ${to}`) ?? [])].map(familyName);
        const kinds = [...new Set(labels)];
        const who = kinds.length <= 2 ? kinds.join("<br/>") : `${labels.length} sessions`;
        return `${from} <-.->|"BGP ${names.join(", ")}<br/>${who}"| ${to}`;
    });
}

function services(lab: Lab): string[] {
    const all = lab.cluster.services;
    if (all.length === 0) {
        return [];
    }
    return ['subgraph services["services"]', ...indent(all.map((service) => serviceBox(lab, service))), "end"];
}

function serviceBox(lab: Lab, service: Service): string {
    const { namespace, name, port, externalTrafficPolicy, loadBalancerAddresses } = service;
    const label = [
        `${namespace}/${name}`,
        ...loadBalancerAddresses,
        `port ${port}, ${externalTrafficPolicy}`,
        announcers(lab, service),
    ];
    return `${id(`${namespace}/${name}`)}(["${text(label)}"])`;
}

function announcers(lab: Lab, service: Service): string {
    const nodes = advertisingNodes(lab, service);
    const total = Object.keys(lab.cluster.nodes).length;
    if (nodes.length === total) {
        return "announced by every node";
    }
    if (nodes.length === 0) {
        return "announced by no node";
    }
    return nodes.length > mostNodes ? `announced by ${nodes.length} nodes` : `announced by ${nodes.join(", ")}`;
}

/** Edges between the same two boxes are one, with all labels. */
function edgeList() {
    const edges = new Map<string, { readonly from: string; readonly to: string; readonly labels: string[] }>();
    return {
        add(from: string, to: string, label: string): void {
            const edge = edges.get(`${from} ${to}`) ?? { from, to, labels: [] };
            edge.labels.push(label);
            edges.set(`${from} ${to}`, edge);
        },
        all: () => [...edges.values()],
    };
}

function box(name: string, label: readonly string[]): string {
    return `${id(name)}["${text(label)}"]`;
}

/** A name as Mermaid takes it; the prefix keeps it apart from Mermaid's own words, such as `end`. */
function id(name: string): string {
    return `n_${name.replace(/[^A-Za-z0-9]/g, "_")}`;
}

function segmentId(name: string): string {
    return `segment_${name.replace(/[^A-Za-z0-9]/g, "_")}`;
}

function text(lines: readonly string[]): string {
    return lines.map((line) => line.replace(/"/g, "#quot;")).join("<br/>");
}

function indent(lines: readonly string[]): string[] {
    return lines.map((line) => `    ${line}`);
}
