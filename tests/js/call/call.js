// A call in a page: the session's commands over the plain WebSocket, media straight between the two people.
//
// Settings stand in the fragment, which no request carries: #api=…&room=…&token=…&lang=ko

import { Door } from './door.js';
import { Peer } from './peer.js';
import { Screen } from './screen.js';
import { texts } from './text.js';

const settings = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const { room } = settings;
const text = texts(settings.lang ?? navigator.language);
const element = (id) => document.getElementById(id);

// The server takes a report every ten seconds.
const QUALITY_MS = 10_500;
// For a connection to come about, before a new epoch is asked for.
const PATIENCE_MS = 12_000;
// A reload of this tab is the same device: it may take its own place back without asking.
const WAS_HERE = `konnect.${room}`;

let camera; // own microphone and camera
let me; // what session.join said
let epoch = 0;
let version = 0; // of the newest state; older ones may come late
let peer; // the connection of this epoch
let patience;
let unshare = () => {};
let early = []; // signals of an epoch that this side has not heard of yet
const media = { mic: true, camera: true };

const door = new Door(settings.api, settings.token);
const screen = new Screen(act, (stream) => {
  unshare();
  unshare = stream && peer ? peer.add(stream) : () => {};
  show();
});

// ---- The session

/** Enters once the camera is there and the door is open; again after each break. */
async function enter() {
  if (camera && door.isOpen) await join(sessionStorage.getItem(WAS_HERE) === 'yes');
}

async function join(takeOver) {
  say('opening');
  try {
    me = await door.ask('session.join', { room, takeOver });
    sessionStorage.setItem(WAS_HERE, 'yes');
    element('take-over').hidden = true;
    tellMedia();
    follow(me, me.peer.present);
  } catch (refusal) {
    say(refusal.code === 'ALREADY_ELSEWHERE' ? 'elsewhere' : 'refused', refusal.code);
    element('take-over').hidden = refusal.code !== 'ALREADY_ELSEWHERE';
  }
}

/** The server's state. Each epoch is a connection of its own: a side that came back has nothing left of the last. */
function follow(state, peerPresent) {
  if (state.version < version) return;
  const fresh = state.epoch > epoch;
  ({ epoch, version } = state);
  if (fresh || !peerPresent) hangUp();
  screen.follow(state.screen, me.peer.userId);
  if (peerPresent && !peer) call();
  if (!peerPresent) say('waiting');
  show();
}

function call() {
  say('connecting');
  const now = epoch;
  const { urls, username, credential } = me.turn ?? {};
  const iceServers = urls ? [{ urls, username: username ?? '', credential: credential ?? '' }] : [];
  const send = (kind, payload) =>
    // A stale epoch or a missing peer needs no answer: the state that follows makes a new connection.
    door.ask('rtc.signal', { room, epoch: now, kind, payload }).catch((refusal) => console.info(kind, refusal.code));
  peer = new Peer({ polite: me.polite, iceServers, send });
  peer.addEventListener('track', ({ detail: stream }) => seen(stream));
  peer.addEventListener('state', ({ detail: state }) => changed(now, state));
  peer.add(camera);
  if (screen.stream) unshare = peer.add(screen.stream);
  for (const signal of early.filter((it) => it.epoch === epoch)) peer.take(signal.kind, signal.payload);
  early = early.filter((it) => it.epoch > epoch);
  // Signals may be lost. One side asks for all anew; the other would only cross it.
  clearTimeout(patience);
  if (!me.polite) patience = setTimeout(() => changed(now, 'failed'), PATIENCE_MS);
}

function hangUp() {
  clearTimeout(patience);
  peer?.close();
  peer = undefined;
  unshare = () => {};
  element('remote').srcObject = null;
}

function changed(of, state) {
  if (of !== epoch) return;
  if (state === 'connected') {
    clearTimeout(patience);
    say('connected');
  }
  if (state === 'failed') door.ask('rtc.restart', { room }).catch((refusal) => console.info('restart', refusal.code));
}

/** The camera's stream has sound, the screen's has none. */
function seen(stream) {
  const video = element(stream.getAudioTracks().length > 0 ? 'remote' : 'screen');
  if (video.srcObject !== stream) video.srcObject = stream;
}

// ---- What the server says

door.on('open', enter);
door.on('lost', () => say('lost'));
door.on('rtc.state', (state) => {
  if (!me || state.room !== room) return;
  const other = state.members.find((member) => member.role !== me.role);
  follow(state, other?.present === true);
});
door.on('rtc.signal', (signal) => {
  if (signal.room !== room || signal.epoch < epoch) return;
  if (peer && signal.epoch === epoch) peer.take(signal.kind, signal.payload);
  else early.push(signal);
});
door.on('rtc.superseded', () => leave('superseded'));
door.on('session.closed', () => leave('closed'));

function leave(state) {
  sessionStorage.removeItem(WAS_HERE);
  hangUp();
  screen.follow({ state: 'idle' });
  say(state);
  door.close();
}

// ---- The page

function say(state, more) {
  element('state').dataset.state = state;
  element('state').textContent = [text[state], more].filter(Boolean).join(': ');
}

function act(action) {
  return door.ask('rtc.screen', { room, action });
}

function tellMedia() {
  for (const track of camera.getAudioTracks()) track.enabled = media.mic;
  for (const track of camera.getVideoTracks()) track.enabled = media.camera;
  for (const name of ['mic', 'camera']) element(name).classList.toggle('off', !media[name]);
  if (me) door.ask('rtc.media', { room, ...media, ready: true }).catch((refusal) => console.info('media', refusal.code));
}

// What the button does in each state of the screen; nothing where it can only be waited.
const SHARE = {
  idle: ['share', () => act('request')],
  'mine-requested': ['asked', null],
  'mine-granted': ['start', () => screen.start()],
  'mine-sharing': ['stop', () => act('stop')],
  'theirs-requested': ['share', null],
  'theirs-granted': ['share', null],
  'theirs-sharing': ['revoke', () => act('revoke')],
};

function show() {
  const look = screen.look();
  const [label, does] = SHARE[look];
  element('share').textContent = text[label];
  element('share').disabled = !me || !does;
  for (const id of ['allow', 'deny']) element(id).hidden = look !== 'theirs-requested';
  element('screen-box').hidden = !look.endsWith('-sharing');
  if (look === 'mine-sharing') element('screen').srcObject = screen.stream ?? null;
  // A screen that is granted may come before the word that it is shared.
  if (look === 'idle' || look.endsWith('-requested')) element('screen').srcObject = null;
  element('local-name').textContent = me ? `${text.me} · ${text[me.role]}` : text.me;
  element('remote-name').textContent = me ? text[me.role === 'mentor' ? 'mentee' : 'mentor'] : '';
}

function press(id, does) {
  element(id).onclick = () => Promise.resolve(does()).catch((error) => console.warn(id, error));
}

press('mic', () => ((media.mic = !media.mic), tellMedia()));
press('camera', () => ((media.camera = !media.camera), tellMedia()));
press('share', () => SHARE[screen.look()][1]?.());
press('allow', () => act('grant'));
press('deny', () => act('deny'));
press('take-over', () => join(true));
const LABELS = { mic: 'mic', camera: 'camera', allow: 'allow', deny: 'deny', 'take-over': 'takeOver', 'screen-name': 'screen' };
for (const [id, label] of Object.entries(LABELS)) element(id).textContent = text[label];
document.documentElement.lang = text === texts('en') ? 'en' : 'ko';
say('opening');
show();

setInterval(async () => {
  const report = await peer?.measures();
  if (report) door.ask('rtc.quality', { room, report }).catch((refusal) => console.info('quality', refusal.code));
}, QUALITY_MS);

// For whoever looks on from the console, and for the test.
window.call = { frames: () => peer?.frames(), epoch: () => epoch };

try {
  camera = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
  element('local').srcObject = camera;
  await enter();
} catch (error) {
  say('noCamera', error.name);
}
