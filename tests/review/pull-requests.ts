/** Pull requests as their authors make them: edits of stack files, and one of the code that plans a lab. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configOf } from "../../commands/planned";
import type { BgpSpeaker, Lab, Neighbor } from "../../lab/model";
import { validate } from "../../lab/rules";
import { compare } from "../../review/compare";
import type { Review } from "../../review/review";
import type { Revision } from "../../review/revision";
import { revisionOf } from "../../review/revision-of";
import { readLab } from "../../stacks/config";

/** A change of one stack. */
export interface PullRequest {
    readonly title: string;
    readonly stack: string;
    readonly before: (stack: string) => Revision | undefined;
    readonly after: (stack: string) => Revision | undefined;
}

/** The stacks of the project that reviews are made of. */
export const stacks = ["calico-metallb-vrf", "dev", "ibgp-frr", "leaf-spine", "single-frr"] as const;

function stackFile(stack: string): string {
    return readFileSync(join(__dirname, "..", "..", `Pulumi.${stack}.yaml`), "utf8");
}

const known = new Map<string, Revision>();

/** The revision of a stack file's text. */
function planned(stack: string, text: string): Revision {
    const { lab, refused, findings, runtime } = readLab(configOf(text), stack);
    const made = known.get(text) ?? revisionOf({ stack, runtime, findings, lab: lab ?? refused });
    known.set(text, made);
    return made;
}

/** A stack as it is. */
export function shipped(stack: string): Revision {
    return planned(stack, stackFile(stack));
}

/** A stack whose file says something else in one place. */
function edited(from: string, to: string): (stack: string) => Revision {
    return (stack) => {
        const text = stackFile(stack);
        if (!text.includes(from)) {
            throw new Error(`Pulumi.${stack}.yaml does not say "${from}"`);
        }
        return planned(stack, text.replace(from, to));
    };
}

function edit(title: string, stack: string, from: string, to: string): PullRequest {
    return { title, stack, before: shipped, after: edited(from, to) };
}

const racks = "    racks: 2\n";

const pools = `    pools:
      - name: blue-pool
        blocks: ["20.0.10.0/24"]
        serviceSelector: { matchExpressions: [{ key: color, operator: In, values: [blue, cyan] }] }
      - name: red-pool
        blocks: ["30.0.10.0/24"]
        serviceSelector: { matchLabels: { color: red } }
`;

const greenPool = `      - name: green-pool
        blocks: ["30.0.10.128/25"]
        serviceSelector: { matchLabels: { color: green } }
`;

/** A fabric as one AS with a spine that reflects, as other code could plan it; or with one that no longer does. */
function oneAs({ reflects }: { readonly reflects: boolean }): (stack: string) => Revision {
    return (stack) => {
        const text = stackFile(stack).replace("    spines: 2\n", "    spines: 1\n");
        const { lab: fabric, runtime } = readLab(configOf(text), stack);
        const lab = inOneAs(fabric!, reflects);
        return revisionOf({ stack, runtime, findings: validate(lab, runtime), lab });
    };
}

function inOneAs(lab: Lab, reflects: boolean): Lab {
    const asn = 65000;
    const routers = Object.entries(lab.routers).map(([name, router]) => {
        const bgp: BgpSpeaker = {
            ...router.bgp,
            asn,
            families: router.bgp.families.map((family) => ({ ...family, redistribute: ["connected"] })),
            neighbors: router.bgp.neighbors.map((neighbor) => inside(neighbor, asn, name === "spine0" && reflects)),
        };
        return [name, { ...router, bgp }];
    });
    const cilium = lab.cluster.cilium!;
    const bgp = cilium.bgp.map((instance) => ({
        ...instance,
        localAsn: asn,
        neighbors: instance.neighbors.map((neighbor) => ({ ...neighbor, remoteAsn: asn })),
    }));
    return {
        ...lab,
        routers: Object.fromEntries(routers),
        cluster: { ...lab.cluster, cilium: { ...cilium, bgp } },
    };
}

function inside({ address, session }: Neighbor, remoteAsn: number, isReflected: boolean): Neighbor {
    if (session.kind === "group") {
        throw new Error("the fabric's neighbors have settings of their own");
    }
    const families = session.settings.families.map((family) => ({
        ...family,
        ...(isReflected ? { routeReflectorClient: true } : {}),
    }));
    const settings = { ...session.settings, remoteAs: { kind: "internal" } as const, families };
    return { address, remoteAsn, session: { kind: "own", settings } };
}

/** The pull requests by the name of their golden comment. */
export const pullRequests: Readonly<Record<string, PullRequest>> = {
    "change-asn": edit("change the AS of spine0", "leaf-spine", racks, `${racks}    spineAsns: [550, 800]\n`),
    "drop-spine": edit("drop a spine", "leaf-spine", "    spines: 2\n", "    spines: 1\n"),
    "overlap-pools": {
        title: "add a pool that overlaps another one",
        stack: "leaf-spine",
        before: edited(racks, racks + pools),
        after: edited(racks, racks + pools + greenPool),
    },
    "edit-timer-of-nodes": edit(
        "find dead nodes sooner",
        "leaf-spine",
        racks,
        `${racks}    nodeTimers: { holdTime: 9, keepalive: 3 }\n`,
    ),
    "edit-timer-of-routers": edit(
        "find dead switches sooner",
        "leaf-spine",
        racks,
        `${racks}    fabricTimers: { holdTime: 9, keepalive: 3 }\n`,
    ),
    "add-rack": edit("add a rack", "leaf-spine", racks, "    racks: 3\n"),
    "stop-reflecting-to-nodes": edit(
        "leaves no longer reflect routes to their nodes",
        "leaf-spine",
        racks,
        `${racks}    routeReflection: false\n`,
    ),
    "break-reflection": {
        title: "the spine of a fabric with one AS no longer reflects",
        stack: "leaf-spine",
        before: oneAs({ reflects: true }),
        after: oneAs({ reflects: false }),
    },
    "change-nothing": { title: "change nothing", stack: "leaf-spine", before: shipped, after: shipped },
};

/** A stack with other parameters. */
function parameters(stack: string, changed: object): PullRequest {
    const config = configOf(stackFile(stack));
    const { lab, refused, findings, runtime } = readLab(
        { ...config, lab: { ...(config.lab as object | undefined), ...changed } },
        stack,
    );
    const after = revisionOf({ stack, runtime, findings, lab: lab ?? refused });
    return { title: JSON.stringify(changed), stack, before: shipped, after: () => after };
}

/** Pull requests of which only the first line is looked at. */
export function smallPullRequests(): readonly PullRequest[] {
    return [
        parameters("leaf-spine", { leafAsns: [65005, 65009] }),
        parameters("leaf-spine", { bfd: {} }),
        parameters("leaf-spine", { multipathRelax: false }),
        parameters("leaf-spine", { maximumPaths: 1 }),
        parameters("leaf-spine", { announceServices: false }),
        parameters("leaf-spine", { loadBalancer: "metallb" }),
        parameters("leaf-spine", { rackSubnets: ["10.1.5.0/24", "10.1.9.0/24"] }),
        parameters("leaf-spine", { nos: "vyos" }),
        parameters("leaf-spine", { spines: 3 }),
        parameters("leaf-spine", { spines: "two" }),
        parameters("ibgp-frr", { routerAsn: 64513 }),
        parameters("ibgp-frr", { workers: 4 }),
        parameters("single-frr", { workers: 5 }),
        parameters("single-frr", { workers: 2 }),
        parameters("single-frr", { exportPodCidr: true }),
        parameters("single-frr", { versions: "article" }),
        parameters("single-frr", { routerAsn: 65100 }),
        parameters("calico-metallb-vrf", { vrfs: false }),
        { title: "a new stack", stack: "leaf-spine", before: () => undefined, after: shipped },
        { title: "a stack that goes", stack: "leaf-spine", before: shipped, after: () => undefined },
    ];
}

/** The reviews of all stacks that a pull request gets. */
export function reviewsOf({ stack, before, after }: PullRequest): readonly Review[] {
    return stacks.map((each) =>
        each === stack ? compare(before(each), after(each)) : compare(shipped(each), shipped(each)),
    );
}
