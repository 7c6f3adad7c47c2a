/** What is wrong with values that a stack sets for Cilium's chart: it would be refused, ignored, or never get ready. */

import type { Lab } from "../lab/model";
import { formatPath, type Path } from "../lab/path";
import { isBefore } from "../lab/releases";
import type { Finding } from "../lab/rules/findings";
import { onLink } from "../lab/sessions";

/** Values as a stack sets them, with what the lab sets beside them. */
export interface ChosenValues {
    /** Values that go over those of the lab, mapping by mapping. */
    readonly values: Readonly<Record<string, unknown>>;
    readonly cluster: Lab["cluster"];
    /** Whether Cilium does kube-proxy's work. */
    readonly kubeProxyReplacement: boolean;
    /** Where the values stand in the configuration. */
    readonly at: Path;
}

/** A value that is wrong. */
interface Flaw {
    /** The value, as Helm writes its path. */
    readonly value: string;
    readonly says: string;
    readonly fix: string;
}

/** One thought about values. */
interface ValueRule {
    readonly id: string;
    readonly severity: Finding["severity"];
    readonly source: string;
    readonly check: (chosen: ChosenValues, version: string) => readonly Flaw[];
}

const validateTemplate = "Cilium Helm chart, templates/validate.yaml";

/** The lab is predicted and verified as the model has it: a value that says otherwise would make the two disagree. */
const decidedValues: ValueRule = {
    id: "CFG-006",
    severity: "error",
    source: "docs/runtimes.md",
    check: ({ values, kubeProxyReplacement }) =>
        [...decided, ...(kubeProxyReplacement ? decidedWithoutKubeProxy : [])]
            .filter(([value]) => valueAt(values, value) !== undefined)
            .map(([value, by]) => ({
                value,
                says: `the lab itself decides the value ${value} of Cilium's chart`,
                fix: `remove it; ${by}`,
            })),
};

/** Values of the chart that the lab decides, and what decides them. */
const decided: readonly (readonly [value: string, by: string])[] = [
    ["bgpControlPlane.enabled", "it is always on"],
    ["ipam.mode", "it is always kubernetes"],
    ["ipv4.enabled", "set bgp-lab:lab.podCidrs"],
    ["ipv6.enabled", "set bgp-lab:lab.podCidrs"],
    ["routingMode", "set bgp-lab:lab.routingMode"],
    ["tunnel", "set bgp-lab:lab.routingMode"],
    ["ipv4NativeRoutingCIDR", "set bgp-lab:lab.podCidrs"],
    ["ipv6NativeRoutingCIDR", "set bgp-lab:lab.podCidrs"],
    ["kubeProxyReplacement", "set bgp-lab:docker.kubeProxyReplacement"],
    ["image", "set bgp-lab:docker.images.cilium"],
    ["operator.image", "set bgp-lab:docker.images.operator"],
];

/** Without kube-proxy the agent is told where the API server is; the chart takes either its name or a reference to it. */
const decidedWithoutKubeProxy: typeof decided = [
    ["k8sServiceHost", "it is the control plane's"],
    ["k8sServicePort", "it is that of kind's control planes"],
    ["k8sServiceHostRef", "the control plane is named already"],
];

/** Each part of Hubble asks another. */
const hubbleParts: ValueRule = {
    id: "CFG-016",
    severity: "error",
    source: validateTemplate,
    check: ({ values, cluster: { cilium } }) => {
        const own = cilium?.hubble;
        const hubble = flagAt(values, "hubble.enabled", own !== undefined);
        const relay = flagAt(values, "hubble.relay.enabled", own?.relay ?? false);
        const ui = flagAt(values, "hubble.ui.enabled", own?.ui ?? false);
        const isAlone = flagAt(values, "hubble.ui.standalone.enabled", false);
        return [
            ...(ui && !relay && !isAlone
                ? [missing("hubble.ui.enabled", "Hubble UI asks Hubble Relay, which is off", "hubble.relay.enabled")]
                : []),
            ...(relay && !hubble
                ? [missing("hubble.relay.enabled", "Hubble Relay asks Hubble, which is off", "hubble.enabled")]
                : []),
        ];
    },
};

/** Certificates that the chart makes by itself are other ones at every rendering. */
const hubbleCertificates: ValueRule = {
    id: "CFG-017",
    severity: "warning",
    source: "Cilium Helm chart, templates/hubble/tls-helm",
    check: ({ values, cluster: { cilium } }) => {
        const isOn = flagAt(values, "hubble.enabled", cilium?.hubble !== undefined);
        const hasTls = flagAt(values, "hubble.tls.enabled", cilium?.hubble === undefined);
        const isAutomatic = flagAt(values, "hubble.tls.auto.enabled", true);
        const method = valueAt(values, "hubble.tls.auto.method") ?? "helm";
        return isOn && hasTls && isAutomatic && method === "helm"
            ? [
                  {
                      value: "hubble.enabled",
                      says: "Hubble gets new certificates each time the chart is rendered, and restarts with them",
                      fix: "set hubble.tls.enabled to false, or hubble.tls.auto.method to cronJob",
                  },
              ]
            : [];
    },
};

/** Ingress, Gateway API and Envoy at layer 7 need what labs leave out: Cilium's proxy, and its services. */
const layer7: ValueRule = {
    id: "CFG-018",
    severity: "error",
    source: validateTemplate,
    check: ({ values, kubeProxyReplacement }) => {
        const controllers = ["ingressController.enabled", "gatewayAPI.enabled"].filter((name) =>
            isSet(valueAt(values, name)),
        );
        const wanting = [
            ...controllers,
            ...(valueAt(values, "loadBalancer.l7.backend") === "envoy" ? ["loadBalancer.l7.backend"] : []),
        ];
        return [
            ...(flagAt(values, "l7Proxy", false)
                ? []
                : wanting.map((value) =>
                      missing(value, `${value} needs Cilium's layer-7 proxy, which is off`, "l7Proxy"),
                  )),
            ...(kubeProxyReplacement
                ? []
                : controllers.map((value) => ({
                      value,
                      says: `${value} needs Cilium to do kube-proxy's work`,
                      fix: "set bgp-lab:docker.kubeProxyReplacement to true, or remove it",
                  }))),
        ];
    },
};

/** Operators keep away from each other: each needs a node of its own, or it never gets ready. */
const operators: ValueRule = {
    id: "CFG-019",
    severity: "error",
    source: "Cilium Helm chart, operator.affinity",
    check: ({ values, cluster }) => {
        const replicas = valueAt(values, "operator.replicas");
        const nodes = Object.keys(cluster.nodes).length;
        return typeof replicas === "number" && replicas > nodes
            ? [
                  {
                      value: "operator.replicas",
                      says: `${replicas} operators need a node each, but the cluster has ${nodes}`,
                      fix: `use ${nodes} or fewer`,
                  },
              ]
            : [];
    },
};

/** Routes to pods of other nodes that Cilium sets itself lead to those nodes directly. */
const directRoutes: ValueRule = {
    id: "CFG-020",
    severity: "error",
    source: "Cilium documentation, routing",
    check: ({ values, cluster: { cilium, nodes } }) => {
        const value = "autoDirectNodeRoutes";
        if (!isSet(valueAt(values, value)) || isSet(valueAt(values, "directRoutingSkipUnreachable"))) {
            return [];
        }
        if (cilium?.routingMode !== "native") {
            return [
                {
                    value,
                    says: "pods' packets go through a tunnel, and then the agent does not start with direct routes",
                    fix: "remove it",
                },
            ];
        }
        const apart = Object.entries(nodes).flatMap(([name, node]) =>
            Object.entries(nodes)
                .filter(
                    ([, { routerId }]) => node.routerId !== routerId && onLink(node, routerId).interface === undefined,
                )
                .map(([other]) => [name, other]),
        )[0];
        return apart === undefined
            ? []
            : [
                  {
                      value,
                      says: `direct routes need nodes on one link, but ${apart.join(" and ")} are not`,
                      fix: "remove it: routers bring pods' packets across",
                  },
              ];
    },
};

/** The name of a cluster is a part of its nodes' names towards other clusters; the chart looks at it since 1.16. */
const clusterName: ValueRule = {
    id: "CFG-021",
    severity: "error",
    source: "Cilium Helm chart, cluster.name",
    check: ({ values }, version) => {
        if (isBefore(version, 1, 16)) {
            return [];
        }
        const name = valueAt(values, "cluster.name") ?? "default";
        const id = valueAt(values, "cluster.id") ?? 0;
        const isValid = typeof name === "string" && /^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/.test(name);
        return [
            ...(isValid
                ? []
                : [
                      {
                          value: "cluster.name",
                          says: `${JSON.stringify(name)} is no cluster name for Cilium`,
                          fix: "use at most 32 lower-case letters, digits and '-'",
                      },
                  ]),
            ...(name === "default" && id !== 0
                ? [missing("cluster.id", "a cluster with an id needs a name other than default", "cluster.name")]
                : []),
        ];
    },
};

/** Values that releases do not take any more: the chart refuses most of them, and ignores the others. */
const removedValues: ValueRule = {
    id: "CFG-022",
    severity: "error",
    source: `${validateTemplate}; Cilium upgrade notes`,
    check: ({ values }, version) =>
        removed
            .filter(({ since: [major, minor] }) => !isBefore(version, major, minor))
            .flatMap(({ since, names, instead }) =>
                names
                    .filter((name) => isSet(valueAt(values, name)))
                    .map((value) => ({
                        value,
                        says: `Cilium ${version} does not take the value ${value}: it was removed in ${since.join(".")}`,
                        fix: `remove it; ${instead}`,
                    })),
            ),
};

const removed: readonly {
    readonly since: readonly [major: number, minor: number];
    readonly names: readonly string[];
    readonly instead: string;
}[] = [
    {
        since: [1, 15],
        names: ["clustermesh.apiserver.tls.ca.cert", "clustermesh.apiserver.tls.ca.key"],
        instead: "set tls.ca.cert and tls.ca.key",
    },
    { since: [1, 15], names: ["enableK8sEventHandover", "enableCnpStatusUpdates"], instead: "nothing took its place" },
    {
        since: [1, 16],
        names: ["encryption.keyFile", "encryption.mountPath", "encryption.secretName", "encryption.interface"],
        instead: "set encryption.ipsec",
    },
    { since: [1, 16], names: ["proxy.prometheus.enabled", "proxy.prometheus.port"], instead: "set envoy.prometheus" },
    {
        since: [1, 16],
        names: ["endpointStatus", "remoteNodeIdentity", "etcd.managed"],
        instead: "nothing took its place",
    },
    { since: [1, 16], names: ["containerRuntime.integration"], instead: "Cilium finds the runtime itself" },
    { since: [1, 17], names: ["bgp.enabled", "bgp.announce"], instead: "Cilium's BGP control plane announces" },
    { since: [1, 18], names: ["enableCiliumEndpointSlice"], instead: "set ciliumEndpointSlice.enabled" },
    { since: [1, 18], names: ["ciliumEndpointSlice.sliceMode"], instead: "nothing took its place" },
];

const valueRules: readonly ValueRule[] = [
    decidedValues,
    hubbleParts,
    hubbleCertificates,
    layer7,
    operators,
    directRoutes,
    clusterName,
    removedValues,
];

/** What is wrong with values for Cilium's chart; nothing in labs without Cilium, which do not use them. */
export function ciliumValueFindings(chosen: ChosenValues): readonly Finding[] {
    const version = chosen.cluster.cilium?.version;
    return version === undefined
        ? []
        : valueRules.flatMap(({ id, severity, source, check }) =>
              check(chosen, version).map(({ value, says, fix }) => ({
                  id,
                  severity,
                  at: formatPath([...chosen.at, ...value.split(".")]),
                  says,
                  fix,
                  source,
              })),
          );
}

function missing(value: string, says: string, needed: string): Flaw {
    return { value, says, fix: `set ${needed}, or remove ${value}` };
}

/** The value at a path such as `operator.replicas`. */
function valueAt(values: unknown, path: string): unknown {
    return path
        .split(".")
        .reduce<unknown>(
            (inner, step) =>
                typeof inner === "object" && inner !== null
                    ? (inner as Readonly<Record<string, unknown>>)[step]
                    : undefined,
            values,
        );
}

/** Whether Helm's templates take a value for true. */
function isSet(value: unknown): boolean {
    const isEmpty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
    return Boolean(value) && !isEmpty;
}

function flagAt(values: unknown, path: string, own: boolean): boolean {
    const value = valueAt(values, path);
    return value === undefined ? own : isSet(value);
}
