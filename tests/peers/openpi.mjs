// A client of openpi's protocol in Node: text keys both ways, the WebSocket that Node brings along.
// usage: node openpi.mjs ws://HOST:PORT
import { decode, encode } from "@msgpack/msgpack";

const picture = new Uint8Array(64 * 64 * 3).map((_, i) => {
  const [y, x, c] = [Math.floor(i / 192), Math.floor(i / 3) % 64, i % 3];
  return 31 * y + 17 * x + 101 * c + 7 * y * x + 13;
});
const array = (values, dtype, shape) => ({ __ndarray__: true, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength), dtype, shape });

const socket = new WebSocket(process.argv[2]);
socket.binaryType = "arraybuffer";
socket.onerror = (e) => { console.error(e.message ?? "the connection failed"); process.exit(1); };
let told = false;
socket.onmessage = ({ data }) => {
  if (typeof data === "string") { console.error(data); process.exit(1); }
  const message = decode(new Uint8Array(data));
  if (!told) {
    told = true; // the first message is the server's metadata
    socket.send(encode({
      "observation/image": array(picture, "|u1", [64, 64, 3]),
      "observation/state": array(new Float64Array([0.25, 0.5, 0.125, 1]), "<f8", [4]),
      prompt: "push the red block",
      "vitrine/text_keys": true,
    }));
    return;
  }
  const { data: bytes, dtype } = message.actions;
  if (dtype !== "<f8") { console.error(`the actions are ${dtype}`); process.exit(1); }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.byteLength; at += 8) console.log(view.getBigUint64(at, true).toString(16).padStart(16, "0"));
  socket.close();
};
