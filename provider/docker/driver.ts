import type { Address } from "../../lab/model";
import type { Driver } from "../../verify/driver";
import type { FrrShow } from "../daemons/frr-reads";
import { frrTables } from "../daemons/frr-tables";
import type { ExecResult } from "../sandbox/protocol";
import type { ClusterReader } from "./cluster";
import { connectionsCommand, parseConnections } from "./connections";
import { kernelRoutesCommand, parseKernelRoutes } from "./kernel-routes";
import { type Prober, prober } from "./probes";
import { complaint, type Shells } from "./shells";
import { vtysh } from "./vtysh";

/** Where the devices of a lab are. */
export interface Places {
    readonly shells: Shells;
    /** Containers of the routers and hosts, by name in the model. */
    readonly containers: Readonly<Record<string, string>>;
    /** Routers that run in pods of the cluster, by name in the model. @default none */
    readonly pods?: Readonly<Record<string, PodPlace>>;
    /** From where devices and pods ask, by name, where that is not their own container. @default none */
    readonly probes?: Readonly<Record<string, ProbePlace>>;
    /** The cluster with its version of Cilium, where the lab has one that can be asked. */
    readonly cluster?: { readonly reader: ClusterReader; readonly ciliumVersion?: string };
}

/** A container from which probes are sent, or one of the pods whose network namespaces are in it. */
export interface ProbePlace {
    readonly container: string;
    /** Address of the pod. */
    readonly pod?: Address;
}

/** A pod of the cluster: the container of its node, and its address. */
export type PodPlace = Required<ProbePlace>;

/** Looks for the pod's network namespace by its address, and runs a program in it: images of pods have few of their own. */
const inPod = `pod=$1
shift
for netns in /run/netns/*; do
    case $(nsenter --net="$netns" ip -o addr show 2>/dev/null) in
        *" $pod/"*) exec nsenter --net="$netns" -- "$@" ;;
    esac
done
echo "no pod here has the address $pod" >&2
exit 1`;

/** Looks for the pod's bgpd in the same way, and runs a program of the pod's image among its files. */
const besideBgpd = `pod=$1
shift
for bgpd in $(pidof bgpd); do
    case $(nsenter --target "$bgpd" --net ip -o addr show 2>/dev/null) in
        *" $pod/"*) exec nsenter --target "$bgpd" --mount --net -- "$@" ;;
    esac
done
echo "no bgpd runs here in a pod with the address $pod" >&2
exit 1`;

/** A program as it is run in the container. */
function probeCommand({ pod }: ProbePlace, argv: readonly string[]): readonly string[] {
    return pod === undefined ? argv : ["sh", "-c", inPod, "probe", pod, ...argv];
}

/** The value of a key, made when it is first asked for. */
function once<T>(make: (key: string) => T): (key: string) => T {
    const made = new Map<string, T>();
    return (key) => {
        const value = made.get(key) ?? make(key);
        made.set(key, value);
        return value;
    };
}

/** Looks at a lab in Docker: FRR through vtysh, kernels through `ip`, traffic through curl and ping, the cluster through kubectl. */
export function dockerDriver({ shells, containers, pods = {}, probes: places = {}, cluster }: Places): Driver {
    function containerOf(device: string): string {
        const container = containers[device];
        if (container === undefined) {
            throw new Error(`the lab has no container for ${device}`);
        }
        return container;
    }

    function placeOf(device: string): ProbePlace {
        return pods[device] ?? places[device] ?? { container: containerOf(device) };
    }

    /** Runs a program of the device's image. */
    function runBesideFrr(device: string, argv: readonly string[]): Promise<ExecResult> {
        const place = pods[device];
        return place === undefined
            ? shells.run(containerOf(device), argv)
            : shells.run(place.container, ["sh", "-c", besideBgpd, "bgpd", place.pod, ...argv]);
    }

    /** Runs a program, in the network namespace of the device. */
    async function runIn(device: string, argv: readonly string[]): Promise<string> {
        const place = placeOf(device);
        const result = await shells.run(place.container, probeCommand(place, argv));
        if (result.code !== 0) {
            throw new Error(`the kernel of ${device}: ${complaint(result)}`);
        }
        return result.stdout;
    }

    const frr = once((device): FrrShow => vtysh((argv) => runBesideFrr(device, argv), `FRR of ${device}`));
    const probes = once((from): Prober => {
        const place = placeOf(from);
        return prober((argv, lane, timeoutMilliseconds) =>
            shells.run(place.container, probeCommand(place, argv), { lane, timeoutMilliseconds }),
        );
    });
    const tables = frrTables({
        ask: (device, read) => read(frr(device)),
        kernelRoutes: async (device, family, vrf) =>
            parseKernelRoutes(await runIn(device, kernelRoutesCommand(family, vrf)), family),
        // Between VRF devices FRR itself leaks, and shows no addresses of its own making.
        internalAddresses: async () => new Set(),
    });

    return {
        ...tables,
        async objects(references) {
            if (cluster === undefined) {
                throw new Error("this lab has no cluster that can be asked");
            }
            return cluster.reader.objects(references);
        },
        sessions: (device, vrf) =>
            containers[device] === undefined && pods[device] === undefined && cluster?.ciliumVersion !== undefined
                ? cluster.reader.agentSessions(device, cluster.ciliumVersion)
                : tables.sessions(device, vrf),
        async speakerRoutes(node) {
            throw new Error(`the speaker of ${node} is an unpatched Cilium, which takes no routes`);
        },
        tracked: async (pod) => parseConnections(await runIn(pod, connectionsCommand)),
        http: (from, ...rest) => probes(from).http(...rest),
        ping: (from, ...rest) => probes(from).ping(...rest),
        connect: (from, ...rest) => probes(from).connect(...rest),
    };
}
