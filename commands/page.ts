/** The parts of a topology's page that follow from the model and its prediction, written between markers. */

import { compareAddresses } from "../lab/address";
import { namedDevices } from "../lab/devices";
import type { Interface, Lab, Segment } from "../lab/model";
import { predict } from "../routing/predict";
import { nodeRouteTable, refusalTable, routeTable, sessionTable, type TextTable, traceTable } from "../routing/summary";
import { type FailureEffect, failureSweep } from "../routing/sweep";
import { type Trace, trace } from "../routing/trace";

/** A part of a page by its name in the marker. */
type Part = (lab: Lab) => readonly string[];

const parts: Readonly<Record<string, Part>> = {
    addresses: (lab) => table(addressTable(lab)),
    sessions: (lab) => table(sessionTable(predict(lab))),
    routes: (lab) => table(routeTable(lab, predict(lab))),
    nodes: (lab) => table(nodeRouteTable(lab, predict(lab))),
    refusals: (lab) => table(refusalTable(predict(lab))),
    ways: (lab) => table(traceTable(waysOf(lab))),
    failures: (lab) => failures(failureSweep(lab)),
};

/** A pair of markers with what is between them: the part, a stack, and parameters that it is shown with. */
const marked = /^<!-- begin (\w+): Pulumi\.([\w-]+)\.yaml(?: with (\{.*\}))? -->\n[\s\S]*?^<!-- end -->$/gm;

/**
 * A page with every marked part written anew.
 *
 * @param text the page; parts are marked `<!-- begin routes: Pulumi.leaf-spine.yaml -->` … `<!-- end -->`, optionally with
 *     parameters that differ from those of the stack: `<!-- begin routes: Pulumi.leaf-spine.yaml with {"racks":3} -->`
 * @param labOf plans a stack's lab, with parameters that differ
 * @throws Error when a marker names no part
 */
export function fillPage(text: string, labOf: (stack: string, parameters: object) => Lab): string {
    return text.replace(marked, (block: string, name: string, stack: string, parameters?: string) => {
        const part = parts[name];
        if (part === undefined) {
            throw new Error(`there is no part ${name}: use one of ${Object.keys(parts).join(", ")}`);
        }
        const [begin] = block.split("\n", 1);
        const lab = labOf(stack, parameters === undefined ? {} : (JSON.parse(parameters) as object));
        return [begin, "", ...part(lab), "", "<!-- end -->"].join("\n");
    });
}

/** The ways that the packets of the lab's checks take, where something must answer. */
function waysOf(lab: Lab): readonly Trace[] {
    const prediction = predict(lab);
    const asked = lab.checks.filter(({ kind }) => kind !== "silence");
    const pairs = new Map(asked.map(({ from, address }) => [`${from} ${address}`, { from, address }]));
    return [...pairs.values()].map(({ from, address }) => trace(lab, prediction, from, address));
}

/** The failure sweep in short: what each fault costs, and the faults that cost nothing. */
function failures(effects: readonly FailureEffect[]): readonly string[] {
    const costs = (effect: FailureEffect) => effect.routes.length + effect.unreachable.length > 0 || effect.unrest;
    const free = effects.filter((effect) => !costs(effect)).map(({ name }) => `\`${name}\``);
    const rows = effects
        .filter(costs)
        .map(({ name, routes, unreachable, unrest }) => [
            `\`${name}\``,
            String(routes.filter(({ after }) => after > 0).length),
            String(routes.filter(({ after }) => after === 0).length),
            unrest ?? ([...new Set(unreachable.map(({ to }) => to))].sort(compareAddresses).join(", ") || "none"),
        ]);
    const header = ["fault", "routes with fewer next hops", "routes lost", "addresses that somebody no longer reaches"];
    return [...table({ header, rows }), ...(free.length === 0 ? [] : ["", `Without effect: ${free.join(", ")}.`])];
}

function table({ header, rows }: TextTable): readonly string[] {
    const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
    return [line(header), line(header.map(() => "---")), ...rows.map(line)];
}

/** Every segment with its subnets and the addresses on it, then the networks that are on none. */
function addressTable(lab: Lab): TextTable {
    const { podCidrs, serviceCidrs, loadBalancerPools, services, nodes } = lab.cluster;
    const segments = Object.entries(lab.segments).map(([name, segment]) => [
        segmentName(name, segment),
        segment.subnets.join(", "),
        addressesOn(lab, name).join("; "),
    ]);
    const loopbacks = addressesOf(lab, ({ attachment }) => attachment.kind === "loopback");
    const slices = Object.entries(nodes).map(([name, node]) => `${name} ${node.podCidrs.join(", ")}`);
    return {
        header: ["network", "addresses", "who has which"],
        rows: [
            ...segments,
            ...(loopbacks.length === 0 ? [] : [["loopbacks", "", loopbacks.join("; ")]]),
            ["pods", podCidrs.join(", "), slices.join("; ")],
            ["services", serviceCidrs.join(", "), ""],
            ...loadBalancerPools.map(({ name, blocks }) => [`pool \`${name}\``, blocks.join(", "), ""]),
            ...services.map(({ name, loadBalancerAddresses }) => [
                `service \`${name}\``,
                loadBalancerAddresses.join(", "),
                "",
            ]),
        ],
    };
}

function segmentName(name: string, { kind }: Segment): string {
    const kinds = { bridge: "bridge", "point-to-point": "link", "pod-link": "Pod" } as const;
    return `${kinds[kind]} \`${name}\``;
}

function addressesOn(lab: Lab, segment: string): readonly string[] {
    return addressesOf(lab, ({ attachment }) => attachment.kind === "segment" && attachment.segment === segment);
}

function addressesOf(lab: Lab, wanted: (port: Interface) => boolean): readonly string[] {
    return namedDevices(lab).flatMap(([device, { interfaces }]) =>
        interfaces
            .filter((port) => wanted(port) && port.addresses.length > 0)
            .map(({ name, addresses }) => `${device} ${name} ${addresses.map(withoutLength).join(", ")}`),
    );
}

function withoutLength(address: string): string {
    return address.replace(/\/\d+$/, "");
}
