import {
    type ServerUnaryCall,
    type ServiceError,
    type sendUnaryData,
    status,
    type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import * as messages from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { messageOf, Reported, unsupported } from "./errors";
import { Stopped } from "./executor";
import type { Goal } from "./goal";
import type { Planner } from "./planner";
import { goalOf, propertiesOf, refuseOptions, setVersion } from "./registration";
import type { ResourceState } from "./state";
import { Struct } from "./struct";
import { isProviderType, packageOf, parseReference, providerPackage, providerType, typeOf, type Urn } from "./urn";
import type { PropertyMap } from "./values";

/** What the monitor works with. */
export interface MonitorOptions {
    /** Resolves when resources may be registered; a refresh may have to come first. */
    readonly planner: Promise<Planner>;
    /** Root of positions in the program. */
    readonly projectDirectory: string;
    /** Configuration of a package, for its default provider. */
    readonly providerConfig: (pkg: string) => PropertyMap;
    /** Resolves when everything is done, and an open call may be answered. */
    readonly finished: Promise<void>;
    /** The program says that it has registered everything. */
    readonly onComplete: () => void;
    /** A registration failed; why has been shown. */
    readonly onFailure: () => void;
    /** Shows an error that belongs to no resource. */
    readonly onError: (message: string) => void;
}

/**
 * Features that this engine has. For `outputValues` and `aliasSpecs` there are older forms, which the SDK uses instead;
 * the others it then refuses itself.
 */
const features: ReadonlySet<string> = new Set(["secrets", "resourceReferences", "deletedWith"]);

type Handler<Request, Response> = (request: Request) => Promise<Response>;

/** The service that a Pulumi program talks to (resource.proto). */
export function monitorService(options: MonitorOptions): UntypedServiceImplementation {
    const { onFailure, onError, finished } = options;
    const register = registrar(options);

    /** After a failure the program is not told why, and waits until running steps have ended: like the CLI. */
    const unary =
        <Request, Response>(handler: Handler<Request, Response>) =>
        (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => {
            handler(call.request).then(
                (response) => callback(null, response),
                async (error) => {
                    if (!(error instanceof Stopped) && !(error instanceof Reported)) {
                        onError(messageOf(error));
                    }
                    onFailure();
                    await finished;
                    callback({ code: status.UNAVAILABLE, details: "resource monitor shut down" } as ServiceError);
                },
            );
        };
    const refuse = (what: string) =>
        unary(async () => {
            throw unsupported(what);
        });

    return {
        supportsFeature: unary(async (request: messages.SupportsFeatureRequest) => {
            const response = new messages.SupportsFeatureResponse();
            response.setHassupport(features.has(request.getId()));
            return response;
        }),
        registerResource: unary(register),
        registerResourceOutputs: unary(async (request: messages.RegisterResourceOutputsRequest) => {
            const outputs = propertiesOf(request.getOutputs(), `outputs of ${request.getUrn()}`);
            (await options.planner).registerOutputs(request.getUrn(), outputs);
            return new Empty();
        }),
        signalAndWaitForShutdown: unary(async () => {
            options.onComplete();
            await finished;
            return new Empty();
        }),
        invoke: unary(async (request: messages.ResourceInvokeRequest) => {
            throw unsupported(`the provider function ${request.getTok()}`);
        }),
        call: unary(async (request: messages.ResourceCallRequest) => {
            throw unsupported(`the resource method ${request.getTok()}`);
        }),
        readResource: unary(async (request: messages.ReadResourceRequest) => {
            throw unsupported(`reading the existing resource ${request.getName()} (${request.getType()})`);
        }),
        registerStackTransform: refuse("a stack transform"),
        registerStackInvokeTransform: refuse("an invoke transform"),
        registerResourceHook: refuse("a resource hook"),
        registerErrorHook: refuse("an error hook"),
        registerPackage: refuse("a parameterized provider"),
        getDeploymentInfo: refuse("asking for the deployment"),
    };
}

/** Handles RegisterResource: inherits options, finds or makes the provider, and lets the planner act. */
function registrar(
    options: MonitorOptions,
): Handler<messages.RegisterResourceRequest, messages.RegisterResourceResponse> {
    const goals = new Map<Urn, Goal>();
    const componentProviders = new Map<Urn, Map<string, string>>();
    const defaults = new Map<string, Promise<string>>();

    function defaultProvider(pkg: string, version: string, downloadUrl: string): Promise<string> {
        const key = `${pkg} ${version} ${downloadUrl}`;
        const known = defaults.get(key) ?? registerDefault(pkg, version, downloadUrl);
        defaults.set(key, known);
        return known;
    }

    async function registerDefault(pkg: string, version: string, downloadUrl: string): Promise<string> {
        const properties = options.providerConfig(pkg);
        setVersion(properties, version, downloadUrl);
        const suffix = [version, downloadUrl]
            .filter((part) => part !== "")
            .map((part) => part.replace(/[^A-Za-z0-9]+/g, "_"));
        const state = await (await options.planner).register({
            ...emptyGoal,
            type: providerType(pkg),
            name: ["default", ...suffix].join("_"),
            custom: true,
            properties,
        });
        return `${state.urn}::${state.id}`;
    }

    /** The provider of a resource: its own, that of the nearest component that names one, or the default of the package. */
    async function providerOf(request: messages.RegisterResourceRequest, inherited: string): Promise<string> {
        const type = request.getType();
        if (!request.getCustom() || isProviderType(type)) {
            return "";
        }
        const pkg = packageOf(type);
        const explicit =
            request.getProvider() ||
            request.getProvidersMap().get(pkg) ||
            inherited ||
            componentProviders.get(request.getParent())?.get(pkg);
        return explicit || defaultProvider(pkg, request.getVersion(), request.getPlugindownloadurl());
    }

    return async (request) => {
        refuseOptions(request);
        const planner = await options.planner;
        const parent = goals.get(request.getParent());
        const inherited = inheritedProvider(request, parent);
        const provider = await providerOf(request, inherited);
        const goal = goalOf(request, parent, provider, options.projectDirectory);
        const state = await planner.register(goal);
        goals.set(state.urn, goal.custom ? goal : { ...goal, provider: request.getProvider() || inherited });
        if (!goal.custom) {
            componentProviders.set(state.urn, providersOf(request, componentProviders.get(request.getParent())));
        }
        return responseOf(state);
    };
}

function inheritedProvider(request: messages.RegisterResourceRequest, parent: Goal | undefined): string {
    const provider = parent?.provider ?? "";
    if (provider === "" || !request.getCustom()) {
        return provider;
    }
    const matches = providerPackage(typeOf(parseReference(provider).urn)) === packageOf(request.getType());
    return matches ? provider : "";
}

function providersOf(
    request: messages.RegisterResourceRequest,
    inherited: ReadonlyMap<string, string> | undefined,
): Map<string, string> {
    const providers = new Map(inherited ?? []);
    request.getProvidersMap().forEach((reference: string, pkg: string) => void providers.set(pkg, reference));
    return providers;
}

const emptyGoal: Omit<Goal, "type" | "name" | "custom" | "properties"> = {
    parent: "",
    dependencies: [],
    propertyDependencies: {},
    provider: "",
    ignoreChanges: [],
    replaceOnChanges: [],
    additionalSecretOutputs: [],
    aliases: [],
    customTimeouts: {},
    deletedWith: "",
    hideDiff: [],
};

function responseOf(state: ResourceState): messages.RegisterResourceResponse {
    const response = new messages.RegisterResourceResponse();
    response.setUrn(state.urn);
    response.setId(state.id ?? "");
    // Outputs of a component may refer to resources that are not registered yet; the program sets them itself.
    response.setObject(Struct.fromJavaScript(state.custom ? (state.outputs ?? {}) : {}));
    return response;
}
