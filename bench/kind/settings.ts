import type { Lab } from "../../lab/model";
import { readLab, type Settings } from "../../stacks/config";

/** Name of the stack, and of the lab's cluster. Its subnets are its own, so that it can live beside a lab of the defaults. */
export const stack = "bench-kind";

/** Environment variables that say where images and chart come from. Without them, those of a stack's defaults are used. */
export const variables = {
    BENCH_KUBERNETES: "version of Kubernetes in the node image",
    BENCH_NODE_IMAGE: "image of the kind nodes, best with the images of pods and Cilium in it",
    BENCH_ROUTER_IMAGE: "image of FRR",
    BENCH_CLIENT_IMAGE: "image of the client and the sidecars",
    BENCH_WEB_IMAGE: "image of the pods",
    BENCH_CILIUM_IMAGE: "image of Cilium's agent",
    BENCH_OPERATOR_IMAGE: "image of Cilium's operator",
    BENCH_CHART: "folder or archive of Cilium's chart",
} as const;

function given(variable: keyof typeof variables): string | undefined {
    const value = process.env[variable];
    return value === "" ? undefined : value;
}

/** The values that are there. */
function present(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
    return Object.fromEntries(
        Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
}

/** The stack's configuration, as its file has it. */
export function stackConfig() {
    return {
        topology: "single-frr",
        runtime: "docker",
        lab: {
            cluster: stack,
            nodeSubnets: ["172.30.0.0/24", "fd00:172:30::/64"],
            linkPools: ["172.28.0.0/16", "fd00:172:28::/48"],
            clientSubnets: ["192.168.77.0/24", "fd00:192:77::/64"],
            ...present({ kubernetesVersion: given("BENCH_KUBERNETES") }),
        },
        docker: {
            images: present({
                node: given("BENCH_NODE_IMAGE"),
                router: given("BENCH_ROUTER_IMAGE"),
                client: given("BENCH_CLIENT_IMAGE"),
                web: given("BENCH_WEB_IMAGE"),
                cilium: given("BENCH_CILIUM_IMAGE"),
                operator: given("BENCH_OPERATOR_IMAGE"),
            }),
            chart: present({ path: given("BENCH_CHART") }),
        },
    };
}

/** The lab that is measured, and how it runs. */
export interface BenchLab {
    readonly lab: Lab;
    readonly settings: Extract<Settings, { readonly runtime: "docker" }>["docker"];
}

/**
 * The lab of the configuration.
 *
 * @throws Error when the variables do not make a lab
 */
export function benchLab(): BenchLab {
    const { lab, settings, findings } = readLab(stackConfig(), stack);
    if (lab === undefined || settings.runtime !== "docker") {
        const errors = findings.filter(({ severity }) => severity === "error");
        throw new Error(errors.map(({ at, says, fix }) => `${at}: ${says}; ${fix}`).join("\n"));
    }
    return { lab, settings: settings.docker };
}

/** What the bare program is told. */
export interface BareSettings {
    /** Folder with the Kubernetes objects and the values of the chart. */
    readonly folder: string;
    /** Image of the containers. */
    readonly image: string;
    readonly nodeImage: string;
    readonly chart: {
        readonly path?: string;
        readonly version?: string;
        readonly repositoryOpts?: { readonly repo: string };
    };
    readonly networks: number;
    readonly containers: number;
}

/** As many things as the lab has. */
export function bareSettings({ lab, settings: { images, chart } }: BenchLab, folder: string): BareSettings {
    const { routers, hosts, cluster } = lab;
    return {
        folder,
        image: images.client,
        nodeImage: images.node,
        chart:
            chart.kind === "path"
                ? { path: chart.path }
                : { version: chart.version, repositoryOpts: { repo: chart.repository } },
        networks: Object.keys(lab.segments).length,
        containers: [routers, hosts, cluster.nodes].flatMap((kind) => Object.keys(kind)).length,
    };
}
