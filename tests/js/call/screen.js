// The shared screen: asked for, granted, started, and ended by either side. The server holds the state; this follows.

/** The server's screen is `{state, by}`: `idle`, or `requested`, `granted` or `sharing` by a person. */
export class Screen {
  #act;
  #onstream;
  #stream;
  #state = { state: 'idle' };
  #peerId;
  #starting = false;

  /** `act(action)` asks the server, `onstream` gets the own screen's stream, or null when it ends. */
  constructor(act, onstream) {
    this.#act = act;
    this.#onstream = onstream;
  }

  get stream() {
    return this.#stream;
  }

  /** What a person sees of it: `idle`, or `mine` or `theirs` with the state. */
  look() {
    const { state, by } = this.#state;
    if (state === 'idle') return state;
    return `${by === this.#peerId ? 'theirs' : 'mine'}-${state}`;
  }

  /** The server's word. Whatever is shared without its consent ends here. */
  follow(state, peerId) {
    this.#state = state;
    this.#peerId = peerId;
    if (this.look() !== 'mine-sharing' && this.#stream && !this.#starting) this.#end();
  }

  /** Chooses a screen and starts; a browser wants a click for that. */
  async start() {
    this.#starting = true;
    try {
      this.#stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 15 }, audio: false });
      // The browser's own way to stop.
      this.#stream.getVideoTracks()[0].onended = () => this.#stream && this.#act('stop');
      await this.#act('start');
      this.#onstream(this.#stream);
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      this.#starting = false;
    }
  }

  #end() {
    const stream = this.#stream;
    this.#stream = undefined;
    for (const track of stream?.getTracks() ?? []) track.stop();
    this.#onstream(null);
  }
}
