import type { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import type { Empty } from "google-protobuf/google/protobuf/empty_pb";
import type { Struct } from "../struct";
import { isProviderType, nameOf, providerPackage, typeOf, type Urn } from "../urn";
import {
    annotateSecrets,
    containsUnknowns,
    fromWire,
    type PropertyMap,
    toWire,
    type Value,
    withoutSecrets,
} from "../values";
import { type Caller, failuresOf, type Protocol, read, readDiff, struct } from "./messages";
import { DiffUnavailable, type Live, type Provider } from "./provider";
import { explain, InitError } from "./rpcError";

type Operations = Pick<Provider, "configure" | "check" | "diff" | "create" | "update" | "remove" | "read">;

const unknownConfig =
    "The provider for this resource has inputs that are not known during preview.\n" +
    "This preview may not correctly represent the changes that will be applied during an update.";

/** The calls about resources, and the one that configures the provider for them. */
export function operations(client: ResourceProviderClient, call: Caller, handshake: Protocol | undefined): Operations {
    let protocol: Protocol = handshake ?? { acceptSecrets: false, acceptResources: false, supportsPreview: false };
    let known = false;
    const wire = (map: PropertyMap, keepUnknowns: boolean) =>
        struct(
            toWire(map, {
                keepUnknowns,
                keepSecrets: protocol.acceptSecrets,
                keepResources: protocol.acceptResources,
            }),
        );
    const annotate = (outputs: PropertyMap | undefined, inputs: PropertyMap) => {
        if (!protocol.acceptSecrets) {
            annotateSecrets(outputs, inputs);
        }
    };
    /** A partial failure is a result too: the resource exists. */
    const live = async (
        attempt: () => Promise<{ id: string; properties: Struct | undefined }>,
        inputs: PropertyMap,
        preview: boolean,
    ): Promise<Live> => {
        try {
            const { id, properties } = await attempt();
            const outputs = read(properties, preview);
            annotate(outputs, inputs);
            return { id, outputs };
        } catch (error) {
            const failure = explain(error);
            if (!(failure instanceof InitError)) {
                throw failure;
            }
            const outputs = fromWire(failure.outputs ?? {}, preview);
            annotate(outputs, inputs);
            return { id: failure.id, outputs, failure };
        }
    };
    return {
        async configure(urn, id, inputs) {
            known = !containsUnknowns(inputs);
            if (!known) {
                return;
            }
            const request = new messages.ConfigureRequest();
            request.setUrn(urn);
            request.setName(nameOf(urn));
            request.setType(typeOf(urn));
            request.setId(id);
            request.setAcceptsecrets(true);
            request.setAcceptresources(true);
            request.setSendsOldInputs(true);
            request.setSendsOldInputsToDelete(true);
            request.setArgs(struct(inputs));
            fillVariables(request, urn, inputs);
            try {
                const response = await call<messages.ConfigureResponse>((done) => client.configure(request, done));
                protocol = handshake ?? {
                    acceptSecrets: response.getAcceptsecrets(),
                    acceptResources: response.getAcceptresources(),
                    supportsPreview: response.getSupportspreview(),
                };
            } catch (error) {
                throw explain(error);
            }
        },
        async check(urn, olds, news, { allowUnknowns, randomSeed }) {
            if (!known) {
                return { inputs: news, failures: [] };
            }
            const request = new messages.CheckRequest();
            request.setUrn(urn);
            request.setName(nameOf(urn));
            request.setType(typeOf(urn));
            request.setOlds(wire(olds, allowUnknowns));
            request.setNews(wire(news, allowUnknowns));
            request.setRandomseed(randomSeed);
            try {
                const response = await call<messages.CheckResponse>((done) => client.check(request, done));
                const inputs = read(response.getInputs(), allowUnknowns);
                annotate(inputs, news);
                return { inputs, failures: failuresOf(response) };
            } catch (error) {
                throw explain(error);
            }
        },
        async diff({ urn, id, inputs, outputs }, news, { allowUnknowns, ignoreChanges }) {
            if (!known) {
                throw new DiffUnavailable(unknownConfig);
            }
            const request = new messages.DiffRequest();
            request.setId(id);
            request.setUrn(urn);
            request.setName(nameOf(urn));
            request.setType(typeOf(urn));
            request.setOldInputs(wire(inputs, allowUnknowns));
            request.setOlds(wire(outputs, allowUnknowns));
            request.setNews(wire(news, allowUnknowns));
            request.setIgnorechangesList([...ignoreChanges]);
            try {
                return readDiff(await call<messages.DiffResponse>((done) => client.diff(request, done)));
            } catch (error) {
                throw explain(error);
            }
        },
        async create(urn, inputs, timeout, preview) {
            if (preview && !known) {
                return { id: "", outputs: {} };
            }
            if (preview && !protocol.supportsPreview) {
                return { id: "", outputs: inputs };
            }
            const request = new messages.CreateRequest();
            request.setUrn(urn);
            request.setName(nameOf(urn));
            request.setType(typeOf(urn));
            request.setProperties(wire(inputs, preview));
            request.setTimeout(timeout);
            request.setPreview(preview);
            const created = await live(
                async () => {
                    const response = await call<messages.CreateResponse>((done) => client.create(request, done));
                    return { id: response.getId(), properties: response.getProperties() };
                },
                inputs,
                preview,
            );
            if (created.id === "" && !preview) {
                throw new Error(`plugin returned empty resource.ID from create '${urn}'`);
            }
            return created;
        },
        async update({ urn, id, inputs, outputs }, news, { timeout, preview, ignoreChanges }) {
            if (preview && !known) {
                return { id, outputs: {} };
            }
            if (preview && !protocol.supportsPreview) {
                return { id, outputs: news };
            }
            const request = new messages.UpdateRequest();
            request.setId(id);
            request.setUrn(urn);
            request.setName(nameOf(urn));
            request.setType(typeOf(urn));
            request.setOldInputs(wire(inputs, false));
            request.setOlds(wire(outputs, false));
            request.setNews(wire(news, preview));
            request.setTimeout(timeout);
            request.setPreview(preview);
            request.setIgnorechangesList([...ignoreChanges]);
            const updated = await live(
                async () => ({
                    id,
                    properties: (
                        await call<messages.UpdateResponse>((done) => client.update(request, done))
                    ).getProperties(),
                }),
                news,
                preview,
            );
            return { ...updated, id };
        },
        async remove({ urn, id, inputs, outputs }, timeout) {
            const request = new messages.DeleteRequest();
            request.setId(id);
            request.setUrn(urn);
            request.setName(nameOf(urn));
            request.setType(typeOf(urn));
            request.setOldInputs(wire(inputs, false));
            request.setProperties(wire(outputs, false));
            request.setTimeout(timeout);
            try {
                await call<Empty>((done) => client.delete(request, done));
            } catch (error) {
                throw explain(error);
            }
        },
        async read({ urn, id, inputs, outputs }, timeout) {
            const request = new messages.ReadRequest();
            request.setId(id);
            request.setUrn(urn);
            request.setName(nameOf(urn));
            request.setType(typeOf(urn));
            request.setInputs(wire(inputs, false));
            request.setProperties(wire(outputs, false));
            request.setTimeout(timeout);
            let fresh: PropertyMap | undefined;
            const found = await live(
                async () => {
                    const response = await call<messages.ReadResponse>((done) => client.read(request, done));
                    fresh = response.hasInputs() ? read(response.getInputs(), false) : undefined;
                    return { id: response.getId(), properties: response.getProperties() };
                },
                outputs,
                false,
            );
            const live_ = found.failure?.inputs ?? fresh;
            annotate(live_, inputs);
            return { ...found, ...(live_ === undefined ? {} : { inputs: live_ }) };
        },
    };
}

/** The older form of configuration, which some providers still read: strings keyed `<package>:config:<name>`. */
function fillVariables(request: messages.ConfigureRequest, urn: Urn, inputs: PropertyMap): void {
    const type = typeOf(urn);
    const pkg = isProviderType(type) ? providerPackage(type) : type;
    for (const [key, value] of Object.entries(inputs)) {
        if (key !== "version") {
            const raw: Value = withoutSecrets(value);
            request.getVariablesMap().set(`${pkg}:config:${key}`, typeof raw === "string" ? raw : JSON.stringify(raw));
        }
    }
}
