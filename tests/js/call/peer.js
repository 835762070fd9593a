// One RTCPeerConnection, for one epoch, by perfect negotiation: both sides may offer at any time; when offers cross,
// the polite side takes its own back and the other one ignores what came. Only the first offer is always the
// impolite side's: Chromium that takes back its first one sometimes gathers no candidates for the answer.

export class Peer extends EventTarget {
  #pc;
  #polite;
  #send;
  #begun;
  #offering = false;
  #ignoring = false;
  #counted = { lost: 0, received: 0 };
  #work = Promise.resolve();

  /** `send(kind, payload)` brings a signal to the other side. Dispatches `track` (a stream) and `state`. */
  constructor({ polite, iceServers, send }) {
    super();
    this.#polite = polite;
    this.#begun = !polite;
    this.#send = send;
    this.#pc = new RTCPeerConnection({ iceServers });
    this.#pc.onnegotiationneeded = () => this.#offer();
    this.#pc.onicecandidate = ({ candidate }) => candidate && send('candidate', candidate.toJSON());
    this.#pc.ontrack = ({ streams }) => this.#tell('track', streams[0]);
    this.#pc.onconnectionstatechange = () => this.#tell('state', this.#pc.connectionState);
  }

  /** Sends a stream's tracks; the function takes them back. */
  add(stream) {
    const senders = stream.getTracks().map((track) => this.#pc.addTrack(track, stream));
    return () => {
      if (this.#pc.signalingState !== 'closed') for (const sender of senders) this.#pc.removeTrack(sender);
    };
  }

  /** Takes a signal of the other side, after those before it. */
  take(kind, payload) {
    this.#work = this.#work.then(() => this.#handle(kind, payload)).catch((error) => console.warn(kind, error));
  }

  /** Frames decoded so far, by track. */
  async frames() {
    const videos = [...(await this.#pc.getStats()).values()].filter((it) => it.type === 'inbound-rtp' && it.kind === 'video');
    return Object.fromEntries(videos.map((it) => [it.trackIdentifier, it.framesDecoded ?? 0]));
  }

  /** How good the call has been since the last time: the report of rtc.quality. Nothing before it is connected. */
  async measures() {
    const all = [...(await this.#pc.getStats()).values()];
    const pair = all.find((it) => it.type === 'candidate-pair' && it.nominated && it.currentRoundTripTime !== undefined);
    if (!pair) return undefined;
    const inbound = all.filter((it) => it.type === 'inbound-rtp');
    const sum = (name) => inbound.reduce((total, it) => total + (it[name] ?? 0), 0);
    const [lost, received] = [sum('packetsLost'), sum('packetsReceived')];
    const [newlyLost, newlyReceived] = [Math.max(0, lost - this.#counted.lost), received - this.#counted.received];
    this.#counted = { lost, received };
    const video = inbound.find((it) => it.kind === 'video' && it.frameWidth);
    return {
      rttMs: pair.currentRoundTripTime * 1000,
      lossPct: newlyLost + newlyReceived > 0 ? (100 * newlyLost) / (newlyLost + newlyReceived) : 0,
      framesPerSecond: video?.framesPerSecond,
      resolution: video && `${video.frameWidth}x${video.frameHeight}`,
    };
  }

  close() {
    this.#pc.close();
  }

  async #offer() {
    // What the first offer leaves open makes this event come again after it.
    if (!this.#begun) return;
    try {
      this.#offering = true;
      await this.#pc.setLocalDescription();
      this.#say(this.#pc.localDescription);
    } catch (error) {
      console.warn('offer', error);
    } finally {
      this.#offering = false;
    }
  }

  async #handle(kind, payload) {
    if (this.#pc.signalingState === 'closed') return;
    if (kind === 'candidate') {
      try {
        await this.#pc.addIceCandidate(payload);
      } catch (error) {
        // Candidates of an offer that was ignored fit nothing here.
        if (!this.#ignoring) throw error;
      }
      return;
    }
    const crossed = kind === 'offer' && (this.#offering || this.#pc.signalingState !== 'stable');
    this.#ignoring = crossed && !this.#polite;
    if (this.#ignoring) return;
    this.#begun = true;
    await this.#pc.setRemoteDescription(payload);
    if (kind === 'offer') {
      await this.#pc.setLocalDescription();
      this.#say(this.#pc.localDescription);
    }
  }

  #say(description) {
    this.#send(description.type, { type: description.type, sdp: description.sdp });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
