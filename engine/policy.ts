import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type ClientUnaryCall, credentials, type ServiceError } from "@grpc/grpc-js";
import { AnalyzerClient } from "@pulumi/pulumi/proto/analyzer_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/analyzer_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { StackConfig } from "./config";
import { EngineError, Reported } from "./errors";
import type { Observer } from "./events";
import type { Goal } from "./goal";
import {
    type CompleteConfig,
    completeConfig,
    type EnforcementLevel,
    type PackConfig,
    type PackInfo,
    readPackConfig,
} from "./policyConfig";
import { startPlugin } from "./providers/process";
import { explain, isUnimplemented } from "./providers/rpcError";
import type { ResourceState } from "./state";
import { Struct } from "./struct";
import { nameOf, type Urn } from "./urn";
import type { PropertyMap } from "./values";

/** A policy pack that a run is asked to apply. */
export interface PackChoice {
    /** Folder with a PulumiPolicy.yaml. */
    readonly folder: string;
    /** File with its configuration; absent: the defaults of its policies. */
    readonly configFile?: string;
}

/** What policy packs are told, and where their findings go. */
export interface PolicyOptions {
    readonly packs: readonly PackChoice[];
    readonly engineAddress: string;
    readonly env: NodeJS.ProcessEnv;
    readonly project: string;
    readonly stack: string;
    readonly preview: boolean;
    readonly config: StackConfig;
    readonly observer: Observer;
}

/** Policy packs of a run. */
export interface Policies {
    /** Whether a mandatory policy was violated. */
    readonly violated: boolean;
    /** Resolves when all packs are started and configured. @throws EngineError if one can not be */
    readonly ready: Promise<void>;
    /**
     * Shows what policies have to say about a resource that is about to be acted on.
     *
     * @throws Reported if a mandatory one is violated, except in a preview, which goes on to find the others
     */
    inspect(state: ResourceState, goal: Goal): Promise<void>;
    /** Shows what policies have to say about the stack as a whole. @throws Reported as {@link inspect} does */
    inspectStack(states: readonly ResourceState[]): Promise<void>;
    close(): void;
}

interface Pack {
    readonly client: AnalyzerClient;
    readonly asks: Interests;
    kill(): void;
}

/** What a pack has anything to say about. */
interface Interests {
    readonly resources: boolean;
    readonly stacks: boolean;
}

const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/** Starts policy packs; they become ready while the program starts. */
export function startPolicies(options: PolicyOptions): Policies {
    const { observer, preview } = options;
    const packs = options.packs.map((choice) => startPack(choice, options));
    const ready = Promise.all(packs).then(() => undefined);
    // Whoever waits for it hears of a failure; a run that fails before does not.
    ready.catch(() => undefined);
    let violated = false;

    function report(diagnostics: readonly messages.AnalyzeDiagnostic[], fallback: Urn | undefined): void {
        let refused = false;
        for (const diagnostic of diagnostics) {
            const mandatory = ["mandatory", "remediate"].includes(levelNames[diagnostic.getEnforcementlevel()]);
            refused ||= mandatory;
            observer.diagnostic({
                severity: mandatory ? "error" : "warning",
                urn: diagnostic.getUrn() || fallback,
                message: describe(diagnostic),
            });
        }
        violated ||= refused;
        if (refused && !preview) {
            throw new Reported();
        }
    }

    return {
        get violated() {
            return violated;
        },
        ready,
        async inspect(state, goal) {
            for (const starting of packs) {
                const { client, asks } = await starting;
                if (!asks.resources) {
                    continue;
                }
                const request = requestOf(state, goal);
                const response = await ask<messages.AnalyzeResponse>((done) => client.analyze(request, done));
                report(response.getDiagnosticsList(), state.urn);
            }
        },
        async inspectStack(states) {
            for (const starting of packs) {
                const { client, asks } = await starting;
                if (!asks.stacks) {
                    continue;
                }
                const request = new messages.AnalyzeStackRequest();
                request.setResourcesList(states.map(stackResourceOf));
                const response = await ask<messages.AnalyzeResponse>((done) => client.analyzeStack(request, done));
                report(response.getDiagnosticsList(), undefined);
            }
        },
        close() {
            for (const pack of packs) {
                void pack.then(
                    ({ kill }) => kill(),
                    () => undefined,
                );
            }
        },
    };
}

function describe(diagnostic: messages.AnalyzeDiagnostic): string {
    const pack = `${diagnostic.getPolicypackname()} ${diagnostic.getPolicypackversion()}`.trim();
    return `[${pack}: ${diagnostic.getPolicyname()}] ${diagnostic.getMessage() || diagnostic.getDescription()}`;
}

async function ask<Response>(
    invoke: (done: (error: ServiceError | null, response: Response) => void) => ClientUnaryCall,
): Promise<Response> {
    try {
        return await new Promise<Response>((resolve_, reject) => {
            invoke((error, response) => (error === null ? resolve_(response) : reject(error)));
        });
    } catch (error) {
        throw isUnimplemented(error) ? error : explain(error);
    }
}

/** Starts a pack as the CLI's analyzer plugin for nodejs does, and tells it of the stack. */
async function startPack({ folder, configFile }: PackChoice, options: PolicyOptions): Promise<Pack> {
    const { project, stack, preview, config, env, engineAddress, observer } = options;
    if (!existsSync(join(folder, "PulumiPolicy.yaml"))) {
        throw new EngineError(`no policy pack at ${folder}: there is no PulumiPolicy.yaml`);
    }
    const given = configFile === undefined ? undefined : readPackConfig(configFile);
    const runner = createRequire(join(folder, "package.json")).resolve("@pulumi/pulumi/cmd/run-policy-pack");
    const plugin = await startPlugin(
        process.execPath,
        [runner, engineAddress, "."],
        folder,
        {
            ...env,
            PULUMI_CONFIG: JSON.stringify(config.values),
            PULUMI_NODEJS_ORGANIZATION: "organization",
            PULUMI_NODEJS_PROJECT: project,
            PULUMI_NODEJS_STACK: stack,
            PULUMI_NODEJS_DRY_RUN: String(preview),
        },
        (stream, line) => observer.diagnostic({ severity: stream === "stdout" ? "info" : "info#err", message: line }),
    );
    const client = new AnalyzerClient(`127.0.0.1:${plugin.port}`, credentials.createInsecure(), unlimited);
    await optional(
        ask((done) => client.handshake(handshakeOf(engineAddress, folder), done)),
        ask((done) => client.configureStack(stackOf(options), done)),
    );
    const kill = () => {
        client.close();
        plugin.kill();
    };
    try {
        const info = await ask<messages.AnalyzerInfo>((done) => client.getAnalyzerInfo(new Empty(), done));
        const complete = await configure(client, info, given, configFile);
        return { client, asks: interestsOf(info, complete), kill };
    } catch (error) {
        kill();
        throw error;
    }
}

/** Gives a pack its configuration, complete, as the CLI does; a pack from before there were any gets none. */
async function configure(
    client: AnalyzerClient,
    info: messages.AnalyzerInfo,
    given: PackConfig | undefined,
    file: string | undefined,
): Promise<ReadonlyMap<string, CompleteConfig> | undefined> {
    if (!info.getSupportsconfig()) {
        if (file !== undefined) {
            throw new EngineError(`policy pack "${info.getName()}" does not support config (${file})`);
        }
        return undefined;
    }
    const complete = await completeConfig(packInfo(info), given, file);
    const request = new messages.ConfigureAnalyzerRequest();
    for (const [policy, { level, parameters }] of complete) {
        const config = new messages.PolicyConfig();
        config.setEnforcementlevel(levelNumbers[level]);
        config.setProperties(Struct.fromJavaScript(parameters as PropertyMap));
        request.getPolicyconfigMap().set(policy, config);
    }
    await ask((done) => client.configure(request, done));
    return complete;
}

/** A pack is spared what none of its policies would look at; one that does not tell of what kind they are is asked all. */
function interestsOf(info: messages.AnalyzerInfo, config: ReadonlyMap<string, CompleteConfig> | undefined): Interests {
    const kinds = info
        .getPoliciesList()
        .filter((policy) => config?.get(policy.getName())?.level !== "disabled")
        .map((policy) => policy.getPolicyType());
    const { POLICY_TYPE_UNKNOWN: any, POLICY_TYPE_RESOURCE, POLICY_TYPE_STACK } = messages.PolicyType;
    return {
        resources: kinds.some((kind) => kind === any || kind === POLICY_TYPE_RESOURCE),
        stacks: kinds.some((kind) => kind === any || kind === POLICY_TYPE_STACK),
    };
}

const levelNumbers: Readonly<Record<EnforcementLevel, messages.EnforcementLevel>> = {
    advisory: messages.EnforcementLevel.ADVISORY,
    mandatory: messages.EnforcementLevel.MANDATORY,
    disabled: messages.EnforcementLevel.DISABLED,
    remediate: messages.EnforcementLevel.REMEDIATE,
};

const levelNames = Object.fromEntries(Object.entries(levelNumbers).map(([name, number]) => [number, name])) as Readonly<
    Record<messages.EnforcementLevel, EnforcementLevel>
>;

function packInfo(info: messages.AnalyzerInfo): PackInfo {
    return {
        name: info.getName(),
        version: info.getVersion(),
        policies: info.getPoliciesList().map((policy) => ({
            name: policy.getName(),
            level: levelNames[policy.getEnforcementlevel()],
            parameters: policy.getConfigschema()?.getProperties()?.toJavaScript() ?? {},
            required: policy.getConfigschema()?.getRequiredList() ?? [],
        })),
        initial: new Map(
            [...info.getInitialconfigMap().entries()].map(([policy, config]: [string, messages.PolicyConfig]) => [
                policy,
                {
                    level: levelNames[config.getEnforcementlevel()],
                    parameters: config.getProperties()?.toJavaScript() ?? {},
                },
            ]),
        ),
    };
}

/** Calls that older packs need not have. */
async function optional(...calls: Promise<unknown>[]): Promise<void> {
    for (const result of await Promise.allSettled(calls)) {
        if (result.status === "rejected" && !isUnimplemented(result.reason)) {
            throw result.reason;
        }
    }
}

function handshakeOf(engineAddress: string, folder: string): messages.AnalyzerHandshakeRequest {
    const request = new messages.AnalyzerHandshakeRequest();
    request.setEngineAddress(engineAddress);
    request.setRootDirectory(folder);
    request.setProgramDirectory(folder);
    return request;
}

function stackOf({ project, stack, preview, config }: PolicyOptions): messages.AnalyzerStackConfigureRequest {
    const request = new messages.AnalyzerStackConfigureRequest();
    request.setProject(project);
    request.setStack(stack);
    request.setOrganization("organization");
    request.setDryRun(preview);
    request.setConfigSecretKeysList([...config.secretKeys]);
    for (const [key, value] of Object.entries(config.values)) {
        request.getConfigMap().set(key, value);
    }
    return request;
}

function requestOf(state: ResourceState, goal: Goal): messages.AnalyzeRequest {
    const request = new messages.AnalyzeRequest();
    request.setUrn(state.urn);
    request.setType(state.type);
    request.setName(nameOf(state.urn));
    request.setProperties(Struct.fromJavaScript(visible(state.inputs)));
    request.setOptions(optionsOf(state, goal.deleteBeforeReplace));
    return request;
}

function stackResourceOf(state: ResourceState): messages.AnalyzerResource {
    const resource = new messages.AnalyzerResource();
    resource.setUrn(state.urn);
    resource.setType(state.type);
    resource.setName(nameOf(state.urn));
    resource.setProperties(Struct.fromJavaScript(visible(state.outputs ?? {})));
    resource.setOptions(optionsOf(state, undefined));
    resource.setParent(state.parent ?? "");
    resource.setDependenciesList([...state.dependencies]);
    for (const [key, urns] of Object.entries(state.propertyDependencies)) {
        const dependencies = new messages.AnalyzerPropertyDependencies();
        dependencies.setUrnsList([...urns]);
        resource.getPropertydependenciesMap().set(key, dependencies);
    }
    return resource;
}

/** Keys of the engine's own are no one's business. */
function visible(properties: PropertyMap): PropertyMap {
    return Object.fromEntries(Object.entries(properties).filter(([key]) => !key.startsWith("__")));
}

function optionsOf(state: ResourceState, deleteBeforeReplace: boolean | undefined): messages.AnalyzerResourceOptions {
    const options = new messages.AnalyzerResourceOptions();
    options.setProtect(state.protect ?? false);
    options.setIgnorechangesList([...(state.ignoreChanges ?? [])]);
    options.setDeletebeforereplace(deleteBeforeReplace ?? false);
    options.setDeletebeforereplacedefined(deleteBeforeReplace !== undefined);
    options.setAdditionalsecretoutputsList([...(state.additionalSecretOutputs ?? [])]);
    options.setParent(state.parent ?? "");
    return options;
}
