import { dirname } from "node:path";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import type { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { nameOf, typeOf } from "../urn";
import { annotateSecrets, toWire } from "../values";
import { type Caller, failuresOf, type Protocol, read, readDiff, struct } from "./messages";
import { operations } from "./operations";
import { type OutputListener, startPlugin } from "./process";
import type { Provider } from "./provider";
import { explain, isUnimplemented } from "./rpcError";

/** What is needed to start a provider. */
export interface LaunchOptions {
    readonly file: string;
    readonly engineAddress: string;
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    readonly output: OutputListener;
}

const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/** How long to wait for news of a process after its connection broke. */
const deathNoticeMs = 1000;

const after = (milliseconds: number) =>
    new Promise<undefined>((resolve) => setTimeout(resolve, milliseconds, undefined));

/** Starts a provider and greets it. */
export async function launchProvider(options: LaunchOptions): Promise<Provider> {
    const { file, engineAddress, cwd, env, output } = options;
    const plugin = await startPlugin(file, [engineAddress], cwd, env, output);
    const client = new ResourceProviderClient(`127.0.0.1:${plugin.port}`, credentials.createInsecure(), unlimited);
    let closing = false;
    const call: Caller = async (invoke) => {
        try {
            return await new Promise((resolve, reject) => {
                invoke((error, response) => (error === null ? resolve(response) : reject(error)));
            });
        } catch (error) {
            if ((error as Partial<ServiceError>).code === status.UNAVAILABLE && !closing) {
                // The connection breaks a moment before the end of the process is known.
                const how = await Promise.race([plugin.ended, after(deathNoticeMs)]);
                throw how === undefined ? error : new Error(`the provider ${file} died (${how})`);
            }
            throw error;
        }
    };
    const [info, handshake] = await Promise.all([
        call<PluginInfo>((done) => client.getPluginInfo(new Empty(), done)).catch(() => undefined),
        greet(client, call, options),
    ]);
    return {
        ...configuration(client, call),
        ...operations(client, call, handshake),
        version: info?.getVersion() ?? "",
        async cancel() {
            await call<Empty>((done) => client.cancel(new Empty(), done)).catch(() => undefined);
        },
        async close() {
            closing = true;
            client.close();
            plugin.kill();
            await plugin.ended;
        },
    };
}

async function greet(
    client: ResourceProviderClient,
    call: Caller,
    { engineAddress, file }: LaunchOptions,
): Promise<Protocol | undefined> {
    const request = new messages.ProviderHandshakeRequest();
    request.setEngineAddress(engineAddress);
    request.setRootDirectory(dirname(file));
    request.setProgramDirectory(dirname(file));
    request.setConfigureWithUrn(true);
    try {
        const response = await call<messages.ProviderHandshakeResponse>((done) => client.handshake(request, done));
        return {
            acceptSecrets: response.getAcceptSecrets(),
            acceptResources: response.getAcceptResources(),
            supportsPreview: true,
        };
    } catch (error) {
        if (isUnimplemented(error)) {
            return undefined;
        }
        throw explain(error);
    }
}

const plainWire = { keepUnknowns: true, keepSecrets: false, keepResources: false };

function configuration(client: ResourceProviderClient, call: Caller): Pick<Provider, "checkConfig" | "diffConfig"> {
    return {
        async checkConfig(urn, olds, news) {
            const request = new messages.CheckRequest();
            request.setUrn(urn);
            request.setName(nameOf(urn));
            request.setType(typeOf(urn));
            request.setOlds(struct(toWire(olds, plainWire)));
            request.setNews(struct(toWire(news, plainWire)));
            try {
                const response = await call<messages.CheckResponse>((done) => client.checkConfig(request, done));
                const inputs = read(response.getInputs(), true);
                annotateSecrets(inputs, news);
                return { inputs, failures: failuresOf(response) };
            } catch (error) {
                if (isUnimplemented(error)) {
                    return { inputs: news, failures: [] };
                }
                throw explain(error);
            }
        },
        async diffConfig(urn, old, news) {
            const request = new messages.DiffRequest();
            request.setUrn(urn);
            request.setName(nameOf(urn));
            request.setType(typeOf(urn));
            request.setOldInputs(struct(toWire(old.inputs, plainWire)));
            request.setOlds(struct(toWire(old.outputs, plainWire)));
            request.setNews(struct(toWire(news, plainWire)));
            try {
                return readDiff(await call<messages.DiffResponse>((done) => client.diffConfig(request, done)));
            } catch (error) {
                if (isUnimplemented(error)) {
                    return {
                        changes: "unknown",
                        replaceKeys: [],
                        stableKeys: [],
                        changedKeys: [],
                        deleteBeforeReplace: false,
                    };
                }
                throw explain(error);
            }
        },
    };
}
