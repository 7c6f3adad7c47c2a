import { createHash } from "node:crypto";
import { Command } from "@pulumi/command/local";
import { Provider } from "@pulumi/kubernetes/provider";
import * as pulumi from "@pulumi/pulumi";
import type { Seconds } from "../lab/model";
import type { Claim } from "./docker/resources";
import type { NodeContainer } from "./node-sidecar";

/** Arguments of a cluster. */
export interface KindClusterArgs {
    /** The lab that the cluster belongs to. */
    readonly claim: Claim;
    /** Name of the cluster; the names of its nodes and of its context start with it. */
    readonly cluster: string;
    /** Configuration (kind.x-k8s.io/v1alpha4) as text, node images included. Another one makes another cluster. */
    readonly config: string;
    /** Names that kind gives to the nodes of that configuration, the control plane first. */
    readonly nodes: readonly string[];
    /** Docker network of the nodes. */
    readonly network: pulumi.Input<string>;
    /** Docker's id of that network: on another one, the cluster is made anew. */
    readonly networkId: pulumi.Input<string>;
    /** Path or name of the kind program. @default kind */
    readonly kind?: string;
    /** Until the API server must answer. @default 300 */
    readonly timeout?: Seconds;
    /** What must be on the nodes' network before them, because Docker might give its addresses to nodes. @default nothing */
    readonly after?: readonly pulumi.Resource[];
    /** Argument lists for kubectl, run in the control plane once the nodes have joined. @default [] */
    readonly kubectl?: readonly (readonly string[])[];
}

/**
 * What `kind` is told to do. kubeconfigs go to a folder that is removed, and from there to standard output, which is
 * kept as a secret: the user's own kubeconfig stays as it is. A cluster that is there already was made by an earlier run:
 * the claim lets nobody pass who finds one of somebody else. It is taken over if it was finished with this very
 * configuration, and removed if not.
 */
const script = `set -eu
unset PULUMI_CONFIG_PASSPHRASE PULUMI_CONFIG_PASSPHRASE_FILE PULUMI_ACCESS_TOKEN
private=$(mktemp -d)
trap 'rm -rf "$private"' EXIT
trap 'exit 1' HUP INT PIPE TERM
export KUBECONFIG="$private/kubeconfig"
remove() {
    "$KIND" delete cluster --name "$CLUSTER" >&2
}
case $1 in
"delete "*)
    remove
    exit
    ;;
esac
cat >"$private/config"
finished() {
    docker exec "$CONTROL_PLANE" cat /kind/bgp-lab-finished 2>/dev/null | cmp -s - "$private/config"
}
create() {
    if command -v timeout >/dev/null; then
        timeout "$TIMEOUT" "$KIND" create cluster --name "$CLUSTER" --config "$private/config" >&2
    else
        "$KIND" create cluster --name "$CLUSTER" --config "$private/config" >&2
    fi
}
failed() {
    [ "$1" != 124 ] || echo "the cluster was not there after $TIMEOUT s; bgp-lab:docker.timeouts.cluster gives it longer" >&2
    remove
    exit "$1"
}
start=$(date +%s)
if ! finished; then
    [ -z "$("$KIND" get nodes --name "$CLUSTER" 2>/dev/null)" ] || remove
    create || failed $?
    printf %s "$KUBECTL" | while read -r arguments; do
        docker exec "$CONTROL_PLANE" kubectl --kubeconfig /etc/kubernetes/admin.conf $arguments >&2
    done
    docker exec -i "$CONTROL_PLANE" sh -c 'cat >/kind/bgp-lab-finished' <"$private/config"
fi
echo "# made in $(($(date +%s) - start)) s"
"$KIND" get kubeconfig --name "$CLUSTER"
`;

/** Seconds that the script says the cluster took. */
function secondsIn(output: string | undefined): number {
    return Number(/^# made in (\d+) s$/m.exec(output ?? "")?.[1] ?? 0);
}

/** A Kubernetes cluster in Docker, made by kind. kind cannot change a cluster: every change makes another one. */
export class KindCluster extends pulumi.ComponentResource {
    /** How to reach the API server from this machine, as a secret. */
    readonly kubeconfig: pulumi.Output<string>;
    /** Seconds that making it took. */
    readonly seconds: pulumi.Output<number>;
    /** Identity of the cluster; a cluster made anew has another one. */
    readonly identity: pulumi.Output<string>;
    /** Containers of the nodes, by name. */
    readonly nodes: Readonly<Record<string, NodeContainer>>;
    /** Name of the container of the control plane. */
    readonly controlPlane: string;
    /**
     * Leads to the API server. Whatever is in the cluster is deleted with it: nobody asks an API server that is going away.
     */
    readonly provider: Provider;

    constructor(name: string, args: KindClusterArgs, opts?: pulumi.ComponentResourceOptions) {
        const {
            claim,
            cluster,
            config,
            nodes,
            network,
            networkId,
            kind = "kind",
            timeout = 300,
            after = [],
            kubectl = [],
        } = args;
        super("bgplab:index:KindCluster", name, { cluster, nodes, kind }, opts);
        this.controlPlane = nodes[0]!;
        const made = new Command(
            name,
            {
                interpreter: ["/bin/sh", "-c", script, "kind"],
                create: `create cluster ${cluster}`,
                delete: `delete cluster ${cluster}`,
                stdin: config,
                environment: {
                    KIND: kind,
                    KIND_EXPERIMENTAL_PROVIDER: "docker",
                    KIND_EXPERIMENTAL_DOCKER_NETWORK: network,
                    CLUSTER: cluster,
                    CONTROL_PLANE: this.controlPlane,
                    KUBECTL: kubectl.map((each) => `${each.join(" ")}\n`).join(""),
                    TIMEOUT: String(timeout),
                },
                triggers: [cluster, createHash("sha256").update(config).digest("hex"), networkId],
                // Standard output is the kubeconfig; what kind tells of its progress goes to standard error.
                logging: "stderr",
                addPreviousOutputInEnv: false,
            },
            {
                parent: this,
                deletedWith: claim,
                dependsOn: [claim, ...after],
                deleteBeforeReplace: true,
                additionalSecretOutputs: ["stdout"],
            },
        );
        this.identity = made.id;
        this.kubeconfig = pulumi.secret(made.stdout);
        this.seconds = pulumi.unsecret(made.stdout.apply(secondsIn));
        this.nodes = Object.fromEntries(nodes.map((node) => [node, { name: node, id: made.id }]));
        this.provider = new Provider(
            name,
            {
                kubeconfig: this.kubeconfig,
                clusterIdentifier: made.id,
                enableServerSideApply: true,
                // What a run that was cut off has left behind is taken over.
                upsertExistingObjects: true,
            },
            { parent: this, deletedWith: made },
        );
        this.registerOutputs({ kubeconfig: this.kubeconfig });
    }
}
