/** Settings of the docker runtime: where images, the chart and the tools come from, and how long to wait for them. */

import { z } from "zod";
import type { Lab } from "../lab/model";
import { formatPath, type Path } from "../lab/path";
import { isBefore } from "../lab/releases";
import type { Finding } from "../lab/rules/findings";
import {
    calicoChartRepository,
    ciliumChartRepository,
    findNodeImage,
    metallbChartRepository,
    nodeImages,
    type VersionSet,
} from "../lab/versions";
import { ciliumValueFindings } from "./cilium-values";
import { flag, imageReference, text, url, wholeNumber } from "./parameters";

/** Where a Helm chart comes from. */
function chart(program: string, chartName: string, repository: string, version: string, example: string) {
    return z
        .strictObject({
            repository: url("http", "https", "oci")
                .optional()
                .describe(`Repository that has the chart \`${chartName}\`.`)
                .meta({ fallback: `\`${repository}\`` }),
            path: text("the path of a chart", `/srv/charts/${chartName}`)
                .optional()
                .describe("Folder or archive of the chart on this machine, instead of a repository."),
            version: text("the version of a chart", example)
                .optional()
                .describe("Version of the chart in the repository.")
                .meta({ fallback: version }),
        })
        .superRefine(({ path, ...others }, context) => {
            const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
            if (path !== undefined && other !== undefined) {
                context.addIssue({
                    code: "custom",
                    message: `the chart has both a path and a ${other}`,
                    params: { fix: `remove path, or remove ${other}: a path leads to one chart of one version` },
                });
            }
        })
        .default({})
        .describe(`Where ${program}'s Helm chart comes from.`);
}

/** Values of a Helm chart that go over those of the lab. */
function chartValues(program: string) {
    return z
        .record(z.string(), z.unknown())
        .default({})
        .describe(`More values for ${program}'s chart, merged last; not for what the lab itself decides.`);
}

/** What a stack says under `docker`. */
export const dockerSchema = z
    .strictObject({
        images: z
            .strictObject({
                node: imageReference
                    .optional()
                    .describe("Image of the kind nodes; it must have the lab's Kubernetes version.")
                    .meta({ fallback: "kind's own for `kubernetesVersion`, by digest" }),
                router: imageReference
                    .optional()
                    .describe("Image of FRR.")
                    .meta({ fallback: "that of `lab.versions`" }),
                vyos: imageReference
                    .optional()
                    .describe("Image of VyOS, for routers with `nos: vyos`; there is no public one.")
                    .meta({ fallback: "none" }),
                client: imageReference
                    .optional()
                    .describe("Image of clients and of the nodes' sidecars: a shell, iproute2, curl and ping.")
                    .meta({ fallback: "that of `lab.versions`" }),
                web: imageReference
                    .optional()
                    .describe("Image of the pods: nginx whose entrypoint fills /etc/nginx/templates.")
                    .meta({ fallback: "that of `lab.versions`" }),
                controller: imageReference
                    .optional()
                    .describe("Image of the peering controller, in labs with neighbors by label: Node.js 20 or newer.")
                    .meta({ fallback: "that of `lab.versions`" }),
                cilium: imageReference
                    .optional()
                    .describe("Image of Cilium's agent.")
                    .meta({ fallback: "the chart's own" }),
                operator: imageReference
                    .optional()
                    .describe("Image of Cilium's operator.")
                    .meta({ fallback: "the chart's own" }),
            })
            .default({})
            .describe("Container images, as full references with a tag or a digest."),
        chart: chart("Cilium", "cilium", ciliumChartRepository, "`lab.ciliumVersion`", "1.20.2"),
        values: chartValues("Cilium"),
        metallb: z
            .strictObject({
                images: z
                    .strictObject({
                        controller: imageReference
                            .optional()
                            .describe("Image of MetalLB's controller.")
                            .meta({ fallback: "the chart's own" }),
                        speaker: imageReference
                            .optional()
                            .describe("Image of MetalLB's speaker.")
                            .meta({ fallback: "the chart's own" }),
                    })
                    .default({})
                    .describe("Container images of MetalLB, as full references with a tag or a digest."),
                chart: chart("MetalLB", "metallb", metallbChartRepository, "`lab.metallbVersion`", "0.16.1"),
                values: chartValues("MetalLB"),
            })
            .default({ images: {}, chart: {}, values: {} })
            .describe("MetalLB, in labs that have it."),
        calico: z
            .strictObject({
                chart: chart("Calico", "tigera-operator", calicoChartRepository, "`lab.calicoVersion`", "v3.32.1"),
                values: chartValues("Calico"),
            })
            .default({ chart: {}, values: {} })
            .describe("Calico, in labs that have it."),
        binaries: z
            .strictObject({
                kind: text("the name or path of a program", "kind")
                    .default("kind")
                    .describe("kind, as a name on PATH or as a path."),
            })
            .default({ kind: "kind" })
            .describe("Programs of this machine."),
        timeouts: z
            .strictObject({
                cluster: wholeNumber(10, 3600)
                    .default(300)
                    .describe("Seconds until a cluster that does not come up has failed."),
                ready: wholeNumber(10, 3600)
                    .default(300)
                    .describe("Seconds until Cilium or a workload that does not get ready has failed."),
            })
            .default({ cluster: 300, ready: 300 })
            .describe("How long to wait."),
        kubeProxyReplacement: flag
            .default(false)
            .describe("Whether Cilium does kube-proxy's work, and kind leaves it out."),
    })
    .default({
        images: {},
        chart: {},
        values: {},
        metallb: { images: {}, chart: {}, values: {} },
        calico: { chart: {}, values: {} },
        binaries: { kind: "kind" },
        timeouts: { cluster: 300, ready: 300 },
        kubeProxyReplacement: false,
    })
    .describe("Settings of the docker runtime.");

/** What a stack says under `docker`, with what has a default of its own filled in. */
type Chosen = z.output<typeof dockerSchema>;

/** Where a Helm chart comes from, complete. */
type ChartSource =
    | { readonly kind: "repository"; readonly repository: string; readonly version: string }
    | { readonly kind: "path"; readonly path: string };

/** Settings of the docker runtime, complete. */
export interface DockerSettings {
    readonly images: {
        readonly node: string;
        readonly router: string;
        /** Where the lab has routers with VyOS. */
        readonly vyos?: string;
        readonly client: string;
        readonly web: string;
        readonly controller: string;
        /** Absent: the chart's own. */
        readonly cilium?: string;
        /** Absent: the chart's own. */
        readonly operator?: string;
    };
    readonly chart: ChartSource;
    /** Values for Cilium's chart that go over those of the lab. */
    readonly values: Readonly<Record<string, unknown>>;
    /** Where the lab has MetalLB. */
    readonly metallb?: {
        /** Absent: the chart's own. */
        readonly images: { readonly controller?: string; readonly speaker?: string };
        readonly chart: ChartSource;
        readonly values: Readonly<Record<string, unknown>>;
    };
    /** Where the lab has Calico. */
    readonly calico?: { readonly chart: ChartSource; readonly values: Readonly<Record<string, unknown>> };
    readonly binaries: { readonly kind: string };
    /** Seconds. */
    readonly timeouts: { readonly cluster: number; readonly ready: number };
    readonly kubeProxyReplacement: boolean;
}

/** The settings with everything that follows from the lab and its versions. */
export function dockerSettings(chosen: Chosen, { cluster }: Lab, versions: VersionSet): DockerSettings {
    const { vyos, cilium, operator } = chosen.images;
    return {
        images: {
            // Without a node image there is a finding, and so no lab that would use it.
            node: chosen.images.node ?? findNodeImage(cluster.kubernetesVersion)?.reference ?? "",
            router: chosen.images.router ?? versions.router.reference,
            client: chosen.images.client ?? versions.client.reference,
            web: chosen.images.web ?? versions.web.reference,
            controller: chosen.images.controller ?? versions.controller.reference,
            ...(vyos === undefined ? {} : { vyos }),
            ...(cilium === undefined ? {} : { cilium }),
            ...(operator === undefined ? {} : { operator }),
        },
        chart: chartSource(chosen.chart, ciliumChartRepository, cluster.cilium?.version ?? versions.cilium),
        values: chosen.values,
        ...(cluster.metallb === undefined ? {} : { metallb: metallbSettings(chosen.metallb, cluster.metallb.version) }),
        ...(cluster.calico === undefined ? {} : { calico: calicoSettings(chosen.calico, cluster.calico.version) }),
        binaries: chosen.binaries,
        timeouts: chosen.timeouts,
        kubeProxyReplacement: chosen.kubeProxyReplacement,
    };
}

function chartSource({ path, ...chosen }: Chosen["chart"], repository: string, version: string): ChartSource {
    return path === undefined
        ? {
              kind: "repository",
              repository: chosen.repository ?? repository,
              version: chosen.version ?? version,
          }
        : { kind: "path", path };
}

function metallbSettings(
    { images: { controller, speaker }, chart: source, values }: Chosen["metallb"],
    version: string,
): NonNullable<DockerSettings["metallb"]> {
    return {
        images: {
            ...(controller === undefined ? {} : { controller }),
            ...(speaker === undefined ? {} : { speaker }),
        },
        chart: chartSource(source, metallbChartRepository, version),
        values,
    };
}

/** Calico's charts are numbered with a letter before. */
function calicoSettings({ chart: source, values }: Chosen["calico"], version: string) {
    return { chart: chartSource(source, calicoChartRepository, `v${version}`), values };
}

/** What is wrong with well-formed settings. `docker` is the place of the settings, `lab` that of the parameters. */
export function dockerFindings(
    chosen: Chosen,
    { routers, cluster }: Lab,
    places: { readonly docker: Path; readonly lab: Path },
): readonly Finding[] {
    return [
        ...vyosImageFindings(chosen, routers, [...places.docker, "images", "vyos"]),
        ...programFindings(cluster, [...places.lab, "metallbVersion"], [...places.lab, "calicoVersion"]),
        ...nodeImageFindings(chosen, cluster.kubernetesVersion, [...places.lab, "kubernetesVersion"]),
        ...ciliumValueFindings({
            values: chosen.values,
            cluster,
            kubeProxyReplacement: chosen.kubeProxyReplacement,
            at: [...places.docker, "values"],
        }),
    ];
}

/** What Helm cannot install, or what would not run on a Kubernetes of today. */
function programFindings({ metallb, calico }: Lab["cluster"], metallbAt: Path, calicoAt: Path): readonly Finding[] {
    return [
        ...(metallb !== undefined && isBefore(metallb.version, 0, 13)
            ? [
                  {
                      id: "CFG-012",
                      severity: "error" as const,
                      at: formatPath(metallbAt),
                      says: `a real cluster gets MetalLB from its Helm chart with custom resources, which ${metallb.version} does not have`,
                      fix: "use 0.13 or newer, or bgp-lab:runtime: netns",
                      source: "MetalLB release notes, 0.13.2",
                  },
              ]
            : []),
        ...(calico !== undefined && isBefore(calico.version, 3, 22)
            ? [
                  {
                      id: "CFG-013",
                      severity: "error" as const,
                      at: formatPath(calicoAt),
                      says: `a real cluster gets Calico from the Helm chart tigera-operator, which ${calico.version} does not have`,
                      fix: "use 3.22 or newer, or bgp-lab:runtime: netns",
                      source: "Calico documentation, Install using Helm",
                  },
              ]
            : []),
    ];
}

function vyosImageFindings({ images }: Chosen, routers: Lab["routers"], at: Path): readonly Finding[] {
    const own = Object.entries(routers).flatMap(([name, { nos }]) => (nos === "vyos" ? [name] : []));
    if (own.length === 0 || images.vyos !== undefined) {
        return [];
    }
    return [
        {
            id: "CFG-014",
            severity: "error",
            at: formatPath(at),
            says: `${own.join(", ")} ${own.length === 1 ? "runs" : "run"} VyOS, of which there is no public image`,
            fix: "name an image made of VyOS's ISO, or set bgp-lab:lab.nos to frr, or bgp-lab:runtime to netns",
            source: "VyOS documentation, Running in Docker Container",
        },
    ];
}

function nodeImageFindings({ images }: Chosen, version: string, at: Path): readonly Finding[] {
    if (images.node !== undefined || findNodeImage(version) !== undefined) {
        return [];
    }
    const known = nodeImages.map(({ kubernetes }) => kubernetes);
    const near = known.filter((candidate) => minor(candidate) === minor(version));
    const newest = known.filter(
        (candidate, index) => known.findIndex((other) => minor(other) === minor(candidate)) === index,
    );
    return [
        {
            id: "CFG-005",
            severity: "error",
            at: formatPath(at),
            says: `no image of kind is known for nodes with Kubernetes ${version}`,
            fix: `use ${(near.length > 0 ? near : newest).join(", ")}, or name an image that has it in bgp-lab:docker.images.node`,
            source: "kind release notes",
        },
    ];
}

function minor(version: string): string {
    return version.replace(/\.\d+$/, "");
}
