import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressOf, familyOf } from "../../lab/address";
import type { Lab } from "../../lab/model";
import type { RouteSpec } from "../../provider/schema";
import { ciliumResources, ciliumValues } from "../../render/cilium";
import {
    dockerName,
    hostCapabilities,
    routerCapabilities,
    segmentGateway,
    sysctls,
    wiringSpec,
} from "../../render/docker";
import { frrConf } from "../../render/frr";
import { kindConfig, nodeLabelChanges } from "../../render/kind";
import { workloadResources } from "../../render/workload";
import { yamlText } from "../../render/yaml";
import { definitionChecks } from "../../verify/readiness";
import type { BenchLab } from "./settings";

/** What the names of the script's containers and networks start with. */
const prefix = "bgp-lab-plain";

/** The daemons that the router of a lab in Docker runs. */
const daemons = ["bgpd=yes", "bfdd=yes", "vtysh_enable=yes", 'zebra_options="-A 127.0.0.1 -s 90000000"'];

/**
 * Writes what `plain.sh` makes, as the same functions render it that `pulumi up` uses: configurations as files, and what
 * the script hands to docker as lists, one thing a line and its words apart by spaces.
 */
export function writeArtefacts(folder: string, { lab, settings }: BenchLab): void {
    const { images, chart, values, kubeProxyReplacement } = settings;
    const { routers, hosts, cluster } = lab;
    mkdirSync(folder, { recursive: true });
    const write = (name: string, lines: readonly string[]) =>
        writeFileSync(join(folder, name), lines.map((line) => `${line}\n`).join(""));
    const list = (items: readonly unknown[]) => [JSON.stringify({ apiVersion: "v1", kind: "List", items })];
    const own = [...Object.keys(routers), ...Object.keys(hosts)];
    const nodes = Object.keys(cluster.nodes);

    write("networks", networks(lab));
    write("devices", [
        ...Object.keys(routers).map((name) => device(name, images.router, routerCapabilities, true)),
        ...Object.keys(hosts).map((name) => device(name, images.client, hostCapabilities, false)),
    ]);
    write(
        "links",
        [...own, ...nodes].flatMap((name) => links(lab, name)),
    );
    write(
        "routes",
        [...own, ...nodes].flatMap((name) => routes(lab, name)),
    );
    write("daemons", daemons);
    for (const name of Object.keys(routers)) {
        write(`${name}.conf`, [frrConf(lab, name)]);
    }
    write("kind.yaml", [kindConfig(lab, { image: images.node, kubeProxyReplacement })]);
    write(
        "labels",
        nodeLabelChanges(lab).map((words) => words.join(" ")),
    );
    write("values.yaml", [yamlText(ciliumValues(lab, { images, kubeProxyReplacement, values }))]);
    write("cilium.json", list(ciliumResources(lab)));
    write("workload.json", list(workloadResources(lab, { image: images.web })));
    write(
        "definitions",
        Object.values(definitionChecks(lab, "cilium")).map(({ object }) => `crd/${object.name}`),
    );
    write("sessions", sessions(lab));
    write("answers", answers(lab));
    write("settings", [
        `prefix=${prefix}`,
        `cluster=${cluster.name}`,
        `node_network=${dockerName(prefix, cluster.nodeSegment)}`,
        `control_plane=${nodes[0]}`,
        chart.kind === "path"
            ? `chart='${chart.path}'`
            : `chart='cilium --repo ${chart.repository} --version ${chart.version}'`,
    ]);
}

/** Name and options of each Docker network. */
function networks(lab: Lab): readonly string[] {
    return Object.entries(lab.segments).map(([name, { subnets, mtu }]) => {
        const uplink = name === lab.cluster.nodeSegment;
        return [
            dockerName(prefix, name),
            ...(subnets.some((subnet) => familyOf(subnet) === "ipv6") ? ["--ipv6"] : []),
            ...subnets.flatMap((subnet) => ["--subnet", subnet, "--gateway", segmentGateway(lab, name, subnet)]),
            `-o com.docker.network.driver.mtu=${mtu}`,
            `-o com.docker.network.bridge.enable_ip_masquerade=${uplink}`,
            ...(uplink ? [] : ["-o com.docker.network.bridge.inhibit_ipv4=true"]),
        ].join(" ");
    });
}

/** Name, image and options of a container. */
function device(name: string, image: string, capabilities: readonly string[], forwarding: boolean): string {
    const settings = Object.entries(sysctls({ forwarding })).map(([key, value]) => `--sysctl ${key}=${value}`);
    return [name, image, ...capabilities.map((each) => `--cap-add ${each}`), ...settings].join(" ");
}

/** Device, network and addresses of each interface that Docker makes. */
function links(lab: Lab, name: string): readonly string[] {
    return Object.values(wiringSpec(lab, name, prefix).interfaces).map(({ network, addresses }) => {
        const flags = addresses.map((each) => `--ip${familyOf(each) === "ipv4" ? "" : "6"} ${addressOf(each)}`);
        return [name, network, ...flags].join(" ");
    });
}

/** Device and arguments of `ip` for each route; a device that has no default route loses Docker's. */
function routes(lab: Lab, name: string): readonly string[] {
    const wanted = wiringSpec(lab, name, prefix).routes;
    const unwanted = ["0.0.0.0/0", "::/0"].filter((each) => !(each in wanted));
    const word = (each: string) => `${name} -${familyOf(each) === "ipv4" ? 4 : 6} route`;
    return [
        ...unwanted.map((each) => `${word(each)} flush default`),
        ...Object.entries(wanted).map(([each, via]) => `${word(each)} replace ${destination(each, via)}`),
    ];
}

function destination(to: string, via: RouteSpec): string {
    if ("blackhole" in via) {
        return `blackhole ${to}`;
    }
    return "via" in via ? `${to} via ${via.via}` : `${to} dev ${via.dev}`;
}

/** Router and the number of its neighbors, all of which have to be established. */
function sessions({ routers }: Lab): readonly string[] {
    return Object.entries(routers).map(([name, { bgp }]) => `${name} ${bgp.neighbors.length}`);
}

/** Client and URL of each address of each service. */
function answers({ hosts, cluster }: Lab): readonly string[] {
    const urls = cluster.services.flatMap(({ loadBalancerAddresses, port }) =>
        loadBalancerAddresses.map((address) => {
            const host = familyOf(address) === "ipv4" ? address : `[${address}]`;
            return `http://${host}:${port}/`;
        }),
    );
    return Object.keys(hosts).flatMap((name) => urls.map((url) => `${name} ${url}`));
}
