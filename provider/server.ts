import * as grpc from "@grpc/grpc-js";
import plugin from "@pulumi/pulumi/proto/plugin_pb";
import services from "@pulumi/pulumi/proto/provider_grpc_pb";
import messages from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { differences, type PropertyChange } from "./diff";
import type { Context, Failure, Outputs, ResourceKind } from "./resource";
import type { Drift } from "./sandbox/protocol";
import { Struct } from "./struct";

type Values = Readonly<Record<string, unknown>>;

/** What every resource kind looks like to the server. */
// biome-ignore lint/suspicious/noExplicitAny: kinds differ in their inputs; each is checked before it sees them
type AnyKind = ResourceKind<any>;

type Call<Request> = grpc.ServerUnaryCall<Request, unknown>;
type Method<Request, Response> = (request: Request) => Promise<Response> | Response;

const changeKinds = {
    add: messages.PropertyDiff.Kind.ADD,
    delete: messages.PropertyDiff.Kind.DELETE,
    update: messages.PropertyDiff.Kind.UPDATE,
} as const;

const replaceKinds = {
    add: messages.PropertyDiff.Kind.ADD_REPLACE,
    delete: messages.PropertyDiff.Kind.DELETE_REPLACE,
    update: messages.PropertyDiff.Kind.UPDATE_REPLACE,
} as const;

function valuesOf(struct: Struct | undefined): Values {
    return struct ? (struct.toJavaScript() as Values) : {};
}

function structOf(values: Values): Struct {
    return Struct.fromJavaScript(JSON.parse(JSON.stringify(values)) as Record<string, JavaScriptValue>);
}

/** A URN is `urn:pulumi:<stack>::<project>::<type>::<name>`. */
function contextOf(urn: string): Context {
    const [head = "", project = ""] = urn.split("::");
    return { stack: head.replace("urn:pulumi:", ""), project };
}

function typeOf(urn: string): string {
    const qualified = urn.split("::")[2] ?? "";
    return qualified.slice(qualified.lastIndexOf("$") + 1);
}

function jsonType(value: unknown): string {
    return Array.isArray(value) ? "array" : typeof value;
}

/** What stands for a value that is not known before another resource is made (pulumi sdk/go/common/resource/plugin). */
const unknownValues: ReadonlySet<unknown> = new Set([
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** Whether a value, or anything in it, is not known yet. */
function isUnknown(value: unknown): boolean {
    return typeof value === "object" && value !== null
        ? Object.values(value).some(isUnknown)
        : unknownValues.has(value);
}

/** Failures of the shape of the inputs; what the values mean is the kind's own check. */
function shapeFailures(kind: AnyKind, inputs: Values): Failure[] {
    const failures: Failure[] = [];
    for (const [property, type] of Object.entries(kind.inputs)) {
        const reason = shapeFailure(kind, property, type, inputs[property]);
        if (reason !== undefined) {
            failures.push({ property, reason });
        }
    }
    for (const property of Object.keys(inputs)) {
        if (!(property in kind.inputs) && !property.startsWith("__")) {
            failures.push({
                property,
                reason: `unknown: ${kind.type} has ${Object.keys(kind.inputs).join(", ") || "no inputs"}`,
            });
        }
    }
    return failures;
}

function shapeFailure(kind: AnyKind, property: string, type: string, found: unknown): string | undefined {
    const expected = type.replace("?", "");
    if (found === undefined || found === null) {
        return type === expected ? `missing: ${kind.type} needs ${property} (${expected})` : undefined;
    }
    return jsonType(found) === expected || unknownValues.has(found)
        ? undefined
        : `must be of type ${expected}, not ${jsonType(found)}`;
}

/** An input in the state that this version of the provider does not have, or has with another type. */
function outdatedInput({ property, reason }: Failure): Drift {
    return { path: property, found: `recorded by another version of the provider (${reason})` };
}

/**
 * What the last look at the machine found to differ, by path, as the output `drift` holds it: that way both engines show
 * what was found. An update heals it.
 */
function driftByPath(drift: readonly Drift[]): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const { path, found: text } of drift) {
        found[path] = path in found ? `${found[path]}; ${text}` : text;
    }
    return found;
}

/** What an update would do: changed inputs, and the end of what the last refresh found to differ on the machine. */
export function planDiff(
    kind: AnyKind,
    oldInputs: Values,
    oldOutputs: Values,
    newInputs: Values,
): {
    readonly changes: readonly PropertyChange[];
    readonly replaces: readonly string[];
} {
    const changes = differences(oldInputs, newInputs);
    for (const path of Object.keys((oldOutputs.drift as object | undefined) ?? {})) {
        changes.push({ path: `drift[${JSON.stringify(path)}]`, kind: "delete" });
    }
    const replaces = [
        ...kind.replaceOn.filter(
            (property) => differences({ v: oldInputs[property] }, { v: newInputs[property] }).length > 0,
        ),
        ...(kind.replaceOnUnknown ?? []).filter((property) => isUnknown(newInputs[property])),
    ];
    return { changes, replaces };
}

/** Changes in the words of the protocol, but for those of properties that the program ignores. */
function diffResponse(
    changes: readonly PropertyChange[],
    replaces: readonly string[],
    ignored: ReadonlySet<string>,
): messages.DiffResponse {
    const response = new messages.DiffResponse();
    response.setHasdetaileddiff(true);
    response.setDeletebeforereplace(true);
    response.setReplacesList([...replaces]);
    const detailed = response.getDetaileddiffMap();
    const top = new Set<string>();
    for (const { path, kind } of changes) {
        const property = /^[^.[]*/.exec(path)?.[0] ?? path;
        if (ignored.has(property)) {
            continue;
        }
        const entry = new messages.PropertyDiff();
        entry.setKind((replaces.includes(property) ? replaceKinds : changeKinds)[kind]);
        // Drift is no input: engines look its values up in the outputs, where a refresh has put them.
        entry.setInputdiff(property !== "drift");
        detailed.set(path, entry);
        top.add(property);
    }
    const { DIFF_SOME, DIFF_NONE } = messages.DiffResponse.DiffChanges;
    response.setDiffsList([...top]);
    response.setChanges(top.size > 0 ? DIFF_SOME : DIFF_NONE);
    return response;
}

/** What every resource has besides its own outputs. */
interface Standing {
    /** How often the resource was made or changed, healing included; what depends on it can tell that it was touched. */
    readonly revision: number;
    readonly drift: readonly Drift[];
}

function revisionOf(outputs: Struct | undefined): number {
    const { revision } = valuesOf(outputs);
    return typeof revision === "number" ? revision : 0;
}

/** The provider's methods over the given kinds of resources. */
function createHandlers(kinds: readonly AnyKind[], version: string) {
    const byType = new Map(kinds.map((kind) => [kind.type, kind]));

    function kindOf(urn: string): AnyKind {
        const kind = byType.get(typeOf(urn));
        if (!kind) {
            throw new Error(`unknown resource type ${typeOf(urn)}; this provider has ${[...byType.keys()].join(", ")}`);
        }
        return kind;
    }

    /** Outputs known from the inputs, those that only making it told, and how the resource stands. */
    function outputsOf(kind: AnyKind, inputs: Values, context: Context, standing: Standing, told?: Outputs): Struct {
        const { revision, drift } = standing;
        return structOf({ ...told, ...kind.plan(inputs, context).outputs, revision, drift: driftByPath(drift) });
    }

    return {
        getPluginInfo: () => {
            const info = new plugin.PluginInfo();
            info.setVersion(version);
            return info;
        },
        getSchema: () => {
            const response = new messages.GetSchemaResponse();
            const resources = Object.fromEntries(kinds.map((kind) => [kind.type, {}]));
            response.setSchema(JSON.stringify({ name: "bgplab", version, resources }));
            return response;
        },
        checkConfig: (request: messages.CheckRequest) => {
            const response = new messages.CheckResponse();
            response.setInputs(request.getNews());
            return response;
        },
        diffConfig: () => new messages.DiffResponse(),
        configure: () => {
            const response = new messages.ConfigureResponse();
            response.setSupportspreview(true);
            response.setAcceptsecrets(false);
            response.setAcceptresources(false);
            response.setAcceptoutputs(false);
            return response;
        },
        check: async (request: messages.CheckRequest) => {
            const kind = kindOf(request.getUrn());
            const inputs = valuesOf(request.getNews());
            const shape = shapeFailures(kind, inputs);
            const checked = shape.length === 0 && !isUnknown(inputs);
            const failures = checked ? ((await kind.check?.(inputs, contextOf(request.getUrn()))) ?? []) : shape;
            const response = new messages.CheckResponse();
            response.setInputs(request.getNews());
            response.setFailuresList(
                failures.map(({ property, reason }) => {
                    const failure = new messages.CheckFailure();
                    failure.setProperty(property);
                    failure.setReason(reason);
                    return failure;
                }),
            );
            return response;
        },
        diff: (request: messages.DiffRequest) => {
            const kind = kindOf(request.getUrn());
            const { changes, replaces } = planDiff(
                kind,
                valuesOf(request.getOldInputs()),
                valuesOf(request.getOlds()),
                valuesOf(request.getNews()),
            );
            return diffResponse(changes, replaces, new Set(request.getIgnorechangesList()));
        },
        create: async (request: messages.CreateRequest) => {
            const kind = kindOf(request.getUrn());
            const inputs = valuesOf(request.getProperties());
            const context = contextOf(request.getUrn());
            const response = new messages.CreateResponse();
            const created: Standing = { revision: 1, drift: [] };
            if (request.getPreview()) {
                response.setProperties(outputsOf(kind, inputs, context, created));
                return response;
            }
            const told = (await kind.create(inputs, context)) as Outputs | undefined;
            response.setId(kind.plan(inputs, context).id);
            response.setProperties(outputsOf(kind, inputs, context, created, told));
            return response;
        },
        update: async (request: messages.UpdateRequest) => {
            const kind = kindOf(request.getUrn());
            const inputs = valuesOf(request.getNews());
            const context = contextOf(request.getUrn());
            const response = new messages.UpdateResponse();
            const told = request.getPreview()
                ? undefined
                : ((await kind.update(valuesOf(request.getOldInputs()), inputs, context)) as Outputs | undefined);
            const revision = revisionOf(request.getOlds()) + 1;
            response.setProperties(outputsOf(kind, inputs, context, { revision, drift: [] }, told));
            return response;
        },
        read: async (request: messages.ReadRequest) => {
            const kind = kindOf(request.getUrn());
            const inputs = valuesOf(request.getInputs());
            const response = new messages.ReadResponse();
            if (request.getInputs() === undefined) {
                throw new Error(`${kind.type} cannot be imported: a lab is created by its stack`);
            }
            const outdated = shapeFailures(kind, inputs);
            const drift = outdated.length > 0 ? outdated.map(outdatedInput) : await kind.read(inputs);
            if (drift === "gone") {
                return response;
            }
            const outputs = valuesOf(request.getProperties());
            const standing = { revision: revisionOf(request.getProperties()), drift };
            response.setId(request.getId());
            response.setInputs(structOf(inputs));
            response.setProperties(outputsOf(kind, inputs, contextOf(request.getUrn()), standing, outputs));
            return response;
        },
        delete: async (request: messages.DeleteRequest) => {
            await kindOf(request.getUrn()).delete(request.getId(), valuesOf(request.getOldInputs()));
            return new Empty();
        },
        // Pulumi calls this at every normal end too, so there is nothing to roll back here.
        cancel: () => new Empty(),
    };
}

function unary<Request, Response>(method: Method<Request, Response>) {
    return (call: Call<Request>, callback: grpc.sendUnaryData<Response>) => {
        Promise.resolve()
            .then(() => method(call.request))
            .then(
                (response) => callback(null, response),
                (error: unknown) =>
                    callback({
                        code: grpc.status.UNKNOWN,
                        details: error instanceof Error ? error.message : String(error),
                    }),
            );
    };
}

/**
 * Ends this process when its engine does, however that ends: both engines hold the other end of standard input. A killed
 * engine cannot tell its plugins, and one that went on would make what the next run has already taken away.
 */
function endWithEngine(): void {
    process.stdin.on("close", () => process.exit(1)).resume();
}

/**
 * Serves the provider protocol on a loopback port and prints the port, as Pulumi expects of a plugin.
 *
 * @param kinds the kinds of resources the provider has
 * @param version the provider's version
 */
export function serve(kinds: readonly AnyKind[], version: string): void {
    const handlers = createHandlers(kinds, version);
    const implementation = Object.fromEntries(
        Object.entries(handlers).map(([name, method]) => [name, unary(method as Method<never, unknown>)]),
    );
    const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
    const server = new grpc.Server(unlimited);
    server.addService(
        services.ResourceProviderService as unknown as grpc.ServiceDefinition,
        implementation as grpc.UntypedServiceImplementation,
    );
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
        if (error) {
            throw error;
        }
        console.log(port);
        endWithEngine();
    });
}
