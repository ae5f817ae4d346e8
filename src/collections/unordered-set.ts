/** What can be in an UnorderedSet, and in one at a time. */
export interface Placed {
  /** Where it stands there; the set writes it. Undefined outside of one. */
  place: number | undefined;
}

/**
 * A set, in no order, whose members come and go with requests: an array in which each knows its
 * place. A Set would make its table anew every few members, and the table that it leaves points to
 * the next: as soon as one of them has grown old the garbage collector keeps all that follow, with
 * the requests in them.
 */
export class UnorderedSet<Member extends Placed> {
  readonly #members: Member[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** The members of the moment; others may come and go meanwhile. */
  get all(): readonly Member[] {
    return [...this.#members];
  }

  /** Adds one that is in no other set; without effect when it is in this one. */
  add(member: Member): void {
    if (member.place !== undefined) return;
    member.place = this.#members.length;
    this.#members.push(member);
  }

  /** @returns whether it was among them */
  delete(member: Member): boolean {
    const { place } = member;
    if (place === undefined) return false;
    member.place = undefined;
    const last = this.#members.pop();
    if (last === undefined || last === member) return true;
    this.#members[place] = last;
    last.place = place;
    return true;
  }
}
