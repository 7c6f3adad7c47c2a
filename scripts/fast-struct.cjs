// google.protobuf.Struct without a message object per value.
//
// Everything that a Pulumi program, engine and provider tell each other is a google.protobuf.Struct. google-protobuf makes
// several objects and arrays of each of its values on both ways, which takes most of the time of a run with many
// resources. Here a Struct keeps plain JavaScript values, and translates them to and from the wire in one pass.
"use strict";

const tag = {
    entry: 0x0a,
    key: 0x0a,
    value: 0x12,
    null: 0x08,
    number: 0x11,
    string: 0x1a,
    bool: 0x20,
    struct: 0x2a,
    list: 0x32,
};

/** A growing buffer that is written from its end to its start, so that every length is known when it is written. */
class BackwardWriter {
    constructor() {
        this.buffer = Buffer.allocUnsafe(1024);
        this.start = this.buffer.length;
    }

    reserve(bytes) {
        if (bytes <= this.start) {
            return;
        }
        const used = this.buffer.length - this.start;
        const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, used + bytes));
        this.buffer.copy(larger, larger.length - used, this.start);
        this.start = larger.length - used;
        this.buffer = larger;
    }

    byte(value) {
        this.reserve(1);
        this.buffer[--this.start] = value;
    }

    varint(value) {
        let size = 1;
        for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) {
            size++;
        }
        this.reserve(size);
        this.start -= size;
        let at = this.start;
        let rest = value;
        while (rest > 0x7f) {
            this.buffer[at++] = (rest % 128) | 0x80;
            rest = Math.floor(rest / 128);
        }
        this.buffer[at] = rest;
    }

    text(value) {
        const size = Buffer.byteLength(value);
        this.reserve(size);
        this.start -= size;
        this.buffer.utf8Write(value, this.start, size);
        this.varint(size);
    }

    double(value) {
        this.reserve(8);
        this.start -= 8;
        this.buffer.writeDoubleLE(value, this.start);
    }

    /** Bytes written since the position `end`, counted from the end of the buffer. */
    since(end) {
        return this.buffer.length - this.start - end;
    }

    get length() {
        return this.buffer.length - this.start;
    }

    take() {
        return this.buffer.subarray(this.start);
    }
}

function writeList(writer, items) {
    for (let i = items.length - 1; i >= 0; i--) {
        const end = writer.length;
        writeValue(writer, items[i]);
        writer.varint(writer.since(end));
        writer.byte(tag.entry);
    }
}

function writeEntry(writer, key, value) {
    const end = writer.length;
    writeValue(writer, value);
    writer.varint(writer.since(end));
    writer.byte(tag.value);
    writer.text(key);
    writer.byte(tag.key);
}

function writeStruct(writer, object) {
    const keys = Object.keys(object);
    for (let i = keys.length - 1; i >= 0; i--) {
        const end = writer.length;
        writeEntry(writer, keys[i], object[keys[i]]);
        writer.varint(writer.since(end));
        writer.byte(tag.entry);
    }
}

function writeNested(writer, write, value, kind) {
    const end = writer.length;
    write(writer, value);
    writer.varint(writer.since(end));
    writer.byte(kind);
}

function writeValue(writer, value) {
    switch (typeof value) {
        case "string":
            writer.text(value);
            writer.byte(tag.string);
            return;
        case "number":
            writer.double(value);
            writer.byte(tag.number);
            return;
        case "boolean":
            writer.byte(value ? 1 : 0);
            writer.byte(tag.bool);
            return;
        case "object":
            if (value === null) {
                writer.byte(0);
                writer.byte(tag.null);
            } else if (Array.isArray(value)) {
                writeNested(writer, writeList, value, tag.list);
            } else {
                writeNested(writer, writeStruct, value, tag.struct);
            }
            return;
        default:
            throw new Error("Unexpected struct type.");
    }
}

/** Reads one message from bytes. Fields that google.protobuf.Value does not have are skipped. */
class Reader {
    constructor(bytes) {
        this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        this.at = 0;
    }

    varint() {
        let value = 0;
        let factor = 1;
        for (;;) {
            const byte = this.bytes[this.at++];
            if (byte === undefined) {
                throw new Error("a google.protobuf.Struct ends in the middle of a value");
            }
            value += (byte & 0x7f) * factor;
            if (byte < 0x80) {
                return value;
            }
            factor *= 128;
        }
    }

    text() {
        const size = this.varint();
        const text = this.bytes.utf8Slice(this.at, this.at + size);
        this.at += size;
        return text;
    }

    skip(wireType) {
        if (wireType === 0) {
            this.varint();
        } else if (wireType === 1) {
            this.at += 8;
        } else if (wireType === 2) {
            const size = this.varint();
            this.at += size;
        } else if (wireType === 5) {
            this.at += 4;
        } else {
            throw new Error(`a google.protobuf.Struct has a field of unknown wire type ${wireType}`);
        }
    }

    value(end) {
        let value = null;
        while (this.at < end) {
            const field = this.varint();
            switch (field) {
                case tag.null:
                    this.varint();
                    value = null;
                    break;
                case tag.number:
                    value = this.bytes.readDoubleLE(this.at);
                    this.at += 8;
                    break;
                case tag.string:
                    value = this.text();
                    break;
                case tag.bool:
                    value = this.varint() !== 0;
                    break;
                case tag.struct:
                    value = this.struct(this.varint() + this.at);
                    break;
                case tag.list:
                    value = this.list(this.varint() + this.at);
                    break;
                default:
                    this.skip(field & 7);
            }
        }
        return value;
    }

    list(end) {
        const items = [];
        while (this.at < end) {
            const field = this.varint();
            if (field === tag.entry) {
                items.push(this.value(this.varint() + this.at));
            } else {
                this.skip(field & 7);
            }
        }
        return items;
    }

    entry(end, object) {
        let key = "";
        let value = null;
        while (this.at < end) {
            const field = this.varint();
            if (field === tag.key) {
                key = this.text();
            } else if (field === tag.value) {
                value = this.value(this.varint() + this.at);
            } else {
                this.skip(field & 7);
            }
        }
        // An own property even for "__proto__".
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
    }

    struct(end) {
        const object = {};
        while (this.at < end) {
            const field = this.varint();
            if (field === tag.entry) {
                this.entry(this.varint() + this.at, object);
            } else {
                this.skip(field & 7);
            }
        }
        return object;
    }
}

const plain = Symbol("plain values");

/**
 * Makes the given copy of google-protobuf's Struct fast. What it puts on the wire and gives back stays the same.
 *
 * @param {{ Struct: any, Value: any }} module `google-protobuf/google/protobuf/struct_pb`
 */
function accelerate({ Struct, Value }) {
    const { serializeBinaryToWriter } = Struct;
    const { toJavaScript, getFieldsMap } = Struct.prototype;

    Struct.fromJavaScript = (object) => {
        const struct = new Struct();
        struct[plain] = object;
        return struct;
    };

    Struct.prototype.toJavaScript = function () {
        return this[plain] ?? toJavaScript.call(this);
    };

    Struct.deserializeBinaryFromReader = (struct, reader) => {
        const object = {};
        while (reader.nextField() && !reader.isEndGroup()) {
            if (reader.getFieldNumber() === 1) {
                const bytes = new Reader(reader.readBytes());
                bytes.entry(bytes.bytes.length, object);
            } else {
                reader.skipField();
            }
        }
        struct[plain] = object;
        return struct;
    };

    Struct.serializeBinaryToWriter = (struct, writer) => {
        const object = struct[plain];
        if (object === undefined) {
            serializeBinaryToWriter(struct, writer);
            return;
        }
        for (const key of Object.keys(object)) {
            const entry = new BackwardWriter();
            writeEntry(entry, key, object[key]);
            writer.writeBytes(1, entry.take());
        }
    };

    // Who asks for the messages themselves gets them, and the struct keeps them from then on.
    Struct.prototype.getFieldsMap = function (...rest) {
        const object = this[plain];
        delete this[plain];
        const map = getFieldsMap.apply(this, rest);
        for (const key of Object.keys(object ?? {})) {
            map.set(key, Value.fromJavaScript(object[key]));
        }
        return map;
    };
}

module.exports = { accelerate };
