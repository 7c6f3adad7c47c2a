import type { Address } from "../../lab/model";
import type { Driver } from "../../verify/driver";
import type { FrrShow } from "../daemons/frr-reads";
import { frrTables } from "../daemons/frr-tables";
import type { ClusterReader } from "./cluster";
import { kernelRoutesCommand, parseKernelRoutes } from "./kernel-routes";
import { type Prober, prober } from "./probes";
import { complaint, type Shells } from "./shells";
import { vtysh } from "./vtysh";

/** Where the devices of a lab are. */
export interface Places {
    readonly shells: Shells;
    /** Containers of the routers and hosts, by name in the model. */
    readonly containers: Readonly<Record<string, string>>;
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
export function dockerDriver({ shells, containers, probes: places = {}, cluster }: Places): Driver {
    function containerOf(device: string): string {
        const container = containers[device];
        if (container === undefined) {
            throw new Error(`the lab has no container for ${device}`);
        }
        return container;
    }

    const frr = once((device): FrrShow => {
        const container = containerOf(device);
        return vtysh((argv) => shells.run(container, argv), `FRR of ${device}`);
    });
    const probes = once((from): Prober => {
        const place = places[from] ?? { container: containerOf(from) };
        return prober((argv, lane, timeoutMilliseconds) =>
            shells.run(place.container, probeCommand(place, argv), { lane, timeoutMilliseconds }),
        );
    });
    const tables = frrTables({
        ask: (device, read) => read(frr(device)),
        async kernelRoutes(device, family, vrf) {
            const result = await shells.run(containerOf(device), kernelRoutesCommand(family, vrf));
            if (result.code !== 0) {
                throw new Error(`the kernel of ${device}: ${complaint(result)}`);
            }
            return parseKernelRoutes(result.stdout, family);
        },
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
            containers[device] === undefined && cluster?.ciliumVersion !== undefined
                ? cluster.reader.agentSessions(device, cluster.ciliumVersion)
                : tables.sessions(device, vrf),
        http: (from, ...rest) => probes(from).http(...rest),
        ping: (from, ...rest) => probes(from).ping(...rest),
        connect: (from, ...rest) => probes(from).connect(...rest),
    };
}
