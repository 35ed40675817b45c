/*
 * One key, several workers that want it, a provider that may lose, delay or refuse, and everything that may
 * happen to a key in between. spin looks at every order in which it can happen.
 *
 * States, events and marks carry the names of src/kernel/lifecycle. Checked:
 *   - at most one effect, unless somebody's word released the key (`onWord`)
 *   - a key that is released or refused on proof had no effect, and what is proven had none either
 *   - an effect has a claim before it; what is done stays done
 *   - when nothing more can happen, no key is left performing, and nobody waits for ever
 *
 * Two switches break it on purpose, and must be found: NO_MARK, a claim leaves no mark before the call;
 * RE_ARM, a key in doubt may be claimed again.
 */
#ifndef WORKERS
#define WORKERS 3
#endif
#define ATTEMPTS 3 /* how many attempts a key can come to */

mtype:state = { none, performing, in_doubt, released, refused, done, abandoned };
mtype:event = { silence, success, refusal, not_performed, unknown, testimony };
mtype:recovery = { hold, lookup, resend };

mtype:state state = none;
mtype:recovery recovery;
byte attempt = 0;                    /* the current one; attempts are counted from 1 */
byte generation = 0;                 /* part of the key for the provider */
bool onWord = false;                 /* released without proof */
byte effects = 0;

mtype:event evidence[ATTEMPTS + 1] = silence; /* what is known of each attempt */
byte generationOf[ATTEMPTS + 1];
bool happened[ATTEMPTS + 1];
bool sent[ATTEMPTS + 1];             /* on its way to the provider */
mtype:event reply[ATTEMPTS + 1] = silence; /* what the provider answered; silence while it has not */
bool recognised[ATTEMPTS + 1];       /* the provider has seen this generation's key */

#define isClosed(a) (a > attempt || evidence[a] == refusal || evidence[a] == not_performed || evidence[a] == testimony)
#define othersProven(me) ((me == 1 || isClosed(1)) && (me == 2 || isClosed(2)) && (me == 3 || isClosed(3)))
#define isProven(a) (evidence[a] == not_performed || evidence[a] == refusal)
/* A released key's attempts that are all proven: the provider need not recognise the next one. */
#define allProven ((attempt < 1 || isProven(1)) && (attempt < 2 || isProven(2)) && (attempt < 3 || isProven(3)))
#define nothingHappened (!happened[1] && !happened[2] && !happened[3])

#ifdef NO_MARK
#define mayStart(me) true
#else
#define mayStart(me) (state == performing && attempt == me)
#endif
#ifdef RE_ARM
#define isFree (state == none || state == released || state == in_doubt)
#else
#define isFree (state == none || state == released)
#endif

/* A claim that follows on `seen`: the dispatch mark. Tokens are the attempts' numbers, never used twice. */
inline begin(me) {
  generation = (state == released && allProven -> generation + 1 : generation);
  attempt++;
  me = attempt;
  generationOf[me] = generation
#ifndef NO_MARK
  ; state = performing
#endif
}

/* The end of a call, early or late, by the table. Evidence is the attempt's, whatever the key's state. */
inline settle(me, learned) {
  atomic {
    if
    :: learned == success ->
         evidence[me] = success;
         state = done
    :: learned == refusal && evidence[me] != success ->
         evidence[me] = refusal;
         if
         :: state == performing && attempt == me && !othersProven(me) -> state = in_doubt
         :: (state == performing && attempt == me || state == in_doubt) && othersProven(me) -> state = refused
         :: else
         fi
    :: learned == not_performed && evidence[me] != success && evidence[me] != refusal ->
         evidence[me] = not_performed;
         if
         :: state == performing && attempt == me && !othersProven(me) -> state = in_doubt
         :: (state == performing && attempt == me || state == in_doubt) && othersProven(me) ->
              state = (evidence[1] == refusal || evidence[2] == refusal || evidence[3] == refusal -> refused : released)
         :: else
         fi
    :: learned == unknown && state == performing && attempt == me -> state = in_doubt
    :: else
    fi;
    assert(!(state == released && !onWord) || nothingHappened);
    assert(state != refused || onWord || nothingHappened)
  }
}

inline hear(me) {
  atomic { reply[me] != silence -> heard = reply[me]; reply[me] = silence };
  settle(me, heard);
  heard = silence
}

/* From the claim to the settlement. A worker can be killed, or sleep, between any two of its steps. */
inline perform(me) {
  if
  :: atomic { mayStart(me) -> skip };                          /* right before the call */
     if
     :: goto dead
     :: atomic { sent[me] = true };
        if
        :: goto dead
        :: hear(me)
        :: settle(me, unknown);                                /* the deadline */
           if
           :: goto dead
           :: hear(me)                                         /* within the grace */
           :: skip
           fi
        fi
     fi
  :: atomic { !mayStart(me) -> skip };
     settle(me, not_performed)                                 /* never started */
  fi
}

proctype Worker() {
  byte seen, me;
  mtype:event heard;
  do
  :: atomic { isFree -> seen = attempt };                      /* looked, and then claimed */
     if
     :: atomic { isFree && attempt == seen && attempt < ATTEMPTS -> seen = 0; begin(me) };
        perform(me);
        break
     :: atomic { !(isFree && attempt == seen && attempt < ATTEMPTS) -> seen = 0 }
     fi
  :: break                                                     /* the caller has gone, or was answered */
  od;
dead: atomic { me = 0; heard = silence }                       /* what nobody needs makes no states */
}

/* What the provider makes of a request: it happens or not, and the answer comes, or never. */
proctype Provider() {
  byte a;
end: do
  :: atomic {
       if
       :: sent[1] -> a = 1
       :: sent[2] -> a = 2
       :: sent[3] -> a = 3
       fi;
       sent[a] = false;
       assert(a <= attempt);                                   /* an effect has a claim before it */
       if
       :: (recovery == resend && recognised[generationOf[a]]) ->
            if :: reply[a] = success :: skip fi                /* it happened, for an attempt before */
       :: !(recovery == resend && recognised[generationOf[a]]) ->
            if
            :: recognised[generationOf[a]] = true;
               happened[a] = true;
               effects++;
               assert(effects <= 1 || onWord);
               assert(evidence[a] != not_performed && evidence[a] != refusal);
               if :: reply[a] = success :: skip fi
            :: reply[a] = refusal
            :: reply[a] = not_performed
            :: skip                                            /* nothing happens, and nothing is heard */
            fi
       fi;
       a = 0
     }
  od
}

/* Its own time passes, or its worker's lease does: silence makes doubt, and never frees. */
proctype Reaper() {
end: do
  :: atomic { state == performing -> state = in_doubt }
  od
}

/* What the capability declared is done for a key in doubt. */
proctype Recoverer() {
  byte me;
  mtype:event heard;
end: do
  :: atomic { state == in_doubt && recovery == lookup && !nothingHappened -> state = done }
  :: atomic { state == in_doubt && recovery == resend && attempt < ATTEMPTS -> begin(me) };
     perform(me);
dead: atomic { me = 0; heard = silence }
  od
}

/* A person may say that it did not happen, without proof. */
proctype Person() {
  if
  :: atomic {
       state == in_doubt ->
         onWord = true;
         if :: evidence[1] != success && attempt >= 1 && !isProven(1) -> evidence[1] = testimony :: else fi;
         if :: evidence[2] != success && attempt >= 2 && !isProven(2) -> evidence[2] = testimony :: else fi;
         if :: evidence[3] != success && attempt >= 3 && !isProven(3) -> evidence[3] = testimony :: else fi;
         if :: state = released :: state = abandoned fi
     }
  :: skip
  fi
}

/* What is done stays done; and when nothing more can happen, nothing is left performing. */
proctype Watch() {
  byte a;
end: do
  :: atomic { state == done -> goto stays }
  :: timeout -> assert(state != performing); break
  od;
  goto over;
stays: do
  :: state != done -> assert(false)
  :: timeout -> break
  od;
over: skip
}

init {
  byte worker;
  atomic {
    if :: recovery = hold :: recovery = lookup :: recovery = resend fi;
    for (worker : 1 .. WORKERS) { run Worker() };
    run Provider(); run Reaper(); run Recoverer(); run Person(); run Watch()
  }
}
