;; Looks over a JSON text as json-scan.ts does, 64 bytes at a time, in the way of simdjson (Langdale, Lemire, "Parsing gigabytes of JSON
;; per second", 2019): of 64 bytes it makes words of 64 bits, in which the bits of the quotation marks are set, or of the backslashes …
;; A text is given in windows, one after the other; what is known at the end of one is kept in globals for the next.
;;
;; Memory, in bytes:
;;      0  the problem: 0 none, 1 too deep, 2 too many values, 3 a backslash outside of strings (which no JSON has): not judged here
;;      4  how many keys there were: colons outside of strings
;;      8  where the quotation mark lies that begins a string which is still open; -1 when none is
;;     12  how many long strings ended in this window, at most 65
;;     16  two words for each: where its first quotation mark lies, and what is behind its last one, from the beginning of the text
;;   1024  the window, of 65536 bytes at most, and 64 bytes which are filled with spaces
(module
  (memory (export "memory") 2 2)

  (global $WINDOW i32 (i32.const 1024))
  (global $MAX_DEPTH i32 (i32.const 128))
  (global $MAX_VALUES i32 (i32.const 500000))
  (global $LONG_BYTES i32 (i32.const 1024))

  ;; Where the window lies in the text.
  (global $windowStart (mut i32) (i32.const 0))
  (global $depth (mut i32) (i32.const 0))
  (global $values (mut i32) (i32.const 0))
  (global $keys (mut i32) (i32.const 0))
  ;; Where the last string began that did not end in the 64 bytes in which it began.
  (global $stringStart (mut i32) (i32.const -1))
  ;; All bits within a string, none outside.
  (global $inString (mut i64) (i64.const 0))
  ;; 1 when the next byte is escaped.
  (global $isEscaped (mut i64) (i64.const 0))

  ;; A new text begins.
  (func (export "begin")
    (global.set $windowStart (i32.const 0))
    (global.set $depth (i32.const 0))
    (global.set $values (i32.const 0))
    (global.set $keys (i32.const 0))
    (global.set $stringStart (i32.const -1))
    (global.set $inString (i64.const 0))
    (global.set $isEscaped (i64.const 0)))

  ;; Looks over the next window. Only the last one of a text may be of a length that is no multiple of 64.
  (func (export "scan") (param $length i32)
    (local $at i32) (local $end i32) (local $toText i32) (local $longStrings i32) (local $problem i32) (local $quote i32)
    (local $inString i64) (local $isEscaped i64)
    (local $quotes i64) (local $backslashes i64) (local $escapes i64) (local $strings i64)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $quoteByte v128) (local $backslashByte v128)
    (local.set $quoteByte (i8x16.splat (i32.const 0x22)))
    (local.set $backslashByte (i8x16.splat (i32.const 0x5c)))
    (local.set $inString (global.get $inString))
    (local.set $isEscaped (global.get $isEscaped))
    (local.set $at (global.get $WINDOW))
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (local.set $toText (i32.sub (global.get $windowStart) (local.get $at)))
    (call $fillWithSpaces (local.get $end))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $a (v128.load (local.get $at)))
        (local.set $b (v128.load offset=16 (local.get $at)))
        (local.set $c (v128.load offset=32 (local.get $at)))
        (local.set $d (v128.load offset=48 (local.get $at)))
        (local.set $quotes (i64.or
          (i64.or
            (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $a) (local.get $quoteByte))))
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $b) (local.get $quoteByte)))) (i64.const 16)))
          (i64.or
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $c) (local.get $quoteByte)))) (i64.const 32))
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $d) (local.get $quoteByte)))) (i64.const 48)))))
        (local.set $backslashes (i64.or
          (i64.or
            (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $a) (local.get $backslashByte))))
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $b) (local.get $backslashByte)))) (i64.const 16)))
          (i64.or
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $c) (local.get $backslashByte)))) (i64.const 32))
            (i64.shl (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $d) (local.get $backslashByte)))) (i64.const 48)))))

        ;; Which bytes are escaped: of a row of backslashes the first escapes the second, the third the fourth … A subtraction finds the
        ;; ends of rows by its borrow; what it starts from is chosen so that every second bit tells the escaping ones.
        (if (i64.ne (i64.or (local.get $backslashes) (local.get $isEscaped)) (i64.const 0))
          (then
            (local.set $escapes (i64.and (local.get $backslashes) (i64.xor (local.get $isEscaped) (i64.const -1))))
            (local.set $escapes
              (i64.xor (i64.const 0xaaaaaaaaaaaaaaaa)
                (i64.sub
                  (i64.or (i64.shl (local.get $escapes) (i64.const 1)) (i64.const 0xaaaaaaaaaaaaaaaa))
                  (local.get $escapes))))
            (local.set $quotes (i64.and (local.get $quotes) (i64.xor (i64.const -1)
              (i64.xor (local.get $escapes) (i64.or (local.get $backslashes) (local.get $isEscaped))))))
            (local.set $isEscaped (i64.shr_u (i64.and (local.get $escapes) (local.get $backslashes)) (i64.const 63)))))

        ;; All of it lies within one string.
        (if (i32.and (i64.eqz (local.get $quotes)) (i64.ne (local.get $inString) (i64.const 0)))
          (then
            (local.set $at (i32.add (local.get $at) (i32.const 64)))
            (br $next)))

        ;; A string that began before ends here.
        (if (i64.ne (local.get $inString) (i64.const 0))
          (then
            (local.set $quote (i32.add (i32.add (local.get $at) (local.get $toText))
              (i32.wrap_i64 (i64.ctz (local.get $quotes)))))
            (if (i32.ge_s (i32.sub (i32.add (local.get $quote) (i32.const 1)) (global.get $stringStart)) (global.get $LONG_BYTES))
              (then
                (i32.store offset=16 (i32.shl (local.get $longStrings) (i32.const 3)) (global.get $stringStart))
                (i32.store offset=20 (i32.shl (local.get $longStrings) (i32.const 3))
                  (i32.add (local.get $quote) (i32.const 1)))
                (local.set $longStrings (i32.add (local.get $longStrings) (i32.const 1)))))))

        (local.set $strings (i64.xor (local.get $inString) (call $prefixXor (local.get $quotes))))
        (if (i64.ne (i64.const 0) (i64.and (local.get $backslashes) (i64.xor (local.get $strings) (i64.const -1))))
          (then
            (local.set $problem (i32.const 3))
            (br $done)))
        (local.set $problem (call $structure (local.get $at) (i64.xor (local.get $strings) (i64.const -1))))
        (br_if $done (local.get $problem))

        ;; A string that goes on: the last quotation mark has begun it.
        (local.set $inString (i64.shr_s (local.get $strings) (i64.const 63)))
        (if (i64.ne (local.get $inString) (i64.const 0))
          (then
            (global.set $stringStart (i32.add (i32.add (local.get $at) (local.get $toText))
              (i32.sub (i32.const 63) (i32.wrap_i64 (i64.clz (local.get $quotes))))))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $next)))
    (global.set $inString (local.get $inString))
    (global.set $isEscaped (local.get $isEscaped))
    (global.set $windowStart (i32.add (global.get $windowStart) (local.get $length)))
    (i32.store (i32.const 0) (local.get $problem))
    (i32.store (i32.const 4) (global.get $keys))
    (i32.store (i32.const 8) (select (global.get $stringStart) (i32.const -1) (i64.ne (local.get $inString) (i64.const 0))))
    (i32.store (i32.const 12) (local.get $longStrings)))

  (func $fillWithSpaces (param $at i32)
    (local $spaces v128)
    (local.set $spaces (i8x16.splat (i32.const 0x20)))
    (v128.store (local.get $at) (local.get $spaces))
    (v128.store offset=16 (local.get $at) (local.get $spaces))
    (v128.store offset=32 (local.get $at) (local.get $spaces))
    (v128.store offset=48 (local.get $at) (local.get $spaces)))

  ;; Four masks of 16 bits as one of 64.
  (func $word (param $a i32) (param $b i32) (param $c i32) (param $d i32) (result i64)
    (i64.or
      (i64.extend_i32_u (i32.or (local.get $a) (i32.shl (local.get $b) (i32.const 16))))
      (i64.shl
        (i64.extend_i32_u (i32.or (local.get $c) (i32.shl (local.get $d) (i32.const 16))))
        (i64.const 32))))

  ;; Which of 64 bytes become `byte` when the bits of `fold` are set in them.
  (func $bytesThatAre (param $byte i32) (param $fold i32) (param $at i32) (result i64)
    (local $bytes v128) (local $folds v128)
    (local.set $bytes (i8x16.splat (local.get $byte)))
    (local.set $folds (i8x16.splat (local.get $fold)))
    (call $word
      (i8x16.bitmask (i8x16.eq (local.get $bytes) (v128.or (local.get $folds) (v128.load (local.get $at)))))
      (i8x16.bitmask (i8x16.eq (local.get $bytes) (v128.or (local.get $folds) (v128.load offset=16 (local.get $at)))))
      (i8x16.bitmask (i8x16.eq (local.get $bytes) (v128.or (local.get $folds) (v128.load offset=32 (local.get $at)))))
      (i8x16.bitmask (i8x16.eq (local.get $bytes) (v128.or (local.get $folds) (v128.load offset=48 (local.get $at)))))))

  ;; Sets each bit that has an odd number of set bits up to it, itself included: from each opening quotation mark on, up to the closing one.
  (func $prefixXor (param $bits i64) (result i64)
    (local.set $bits (i64.xor (local.get $bits) (i64.shl (local.get $bits) (i64.const 1))))
    (local.set $bits (i64.xor (local.get $bits) (i64.shl (local.get $bits) (i64.const 2))))
    (local.set $bits (i64.xor (local.get $bits) (i64.shl (local.get $bits) (i64.const 4))))
    (local.set $bits (i64.xor (local.get $bits) (i64.shl (local.get $bits) (i64.const 8))))
    (local.set $bits (i64.xor (local.get $bits) (i64.shl (local.get $bits) (i64.const 16))))
    (i64.xor (local.get $bits) (i64.shl (local.get $bits) (i64.const 32))))

  ;; Counts what is outside of strings in 64 bytes. Returns the problem.
  (func $structure (param $at i32) (param $outside i64) (result i32)
    (local $commas i64) (local $opening i64) (local $closing i64) (local $values i32) (local $openingCount i32)
    (local.set $commas (i64.and (local.get $outside) (call $bytesThatAre (i32.const 0x2c) (i32.const 0) (local.get $at))))
    ;; With the bit 0x20 a square bracket is a curly one.
    (local.set $opening (i64.and (local.get $outside) (call $bytesThatAre (i32.const 0x7b) (i32.const 0x20) (local.get $at))))
    (local.set $closing (i64.and (local.get $outside) (call $bytesThatAre (i32.const 0x7d) (i32.const 0x20) (local.get $at))))
    (global.set $keys (i32.add (global.get $keys) (i32.wrap_i64 (i64.popcnt (i64.and (local.get $outside)
      (call $bytesThatAre (i32.const 0x3a) (i32.const 0) (local.get $at)))))))
    (local.set $openingCount (i32.wrap_i64 (i64.popcnt (local.get $opening))))
    (local.set $values (i32.add (global.get $values) (i32.add (local.get $openingCount)
      (i32.wrap_i64 (i64.popcnt (local.get $commas))))))
    (if (i32.or
        (i32.gt_s (local.get $values) (global.get $MAX_VALUES))
        (i32.gt_s (i32.add (global.get $depth) (local.get $openingCount)) (global.get $MAX_DEPTH)))
      (then (return (call $structureInOrder (local.get $commas) (local.get $opening) (local.get $closing)))))
    (global.set $values (local.get $values))
    (global.set $depth (i32.add (global.get $depth) (i32.sub (local.get $openingCount)
      (i32.wrap_i64 (i64.popcnt (local.get $closing))))))
    (i32.const 0))

  ;; The same one by one, near a limit, where it matters what comes first.
  (func $structureInOrder (param $commas i64) (param $opening i64) (param $closing i64) (result i32)
    (local $left i64) (local $bit i64)
    (local.set $left (i64.or (local.get $commas) (i64.or (local.get $opening) (local.get $closing))))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $left)))
        ;; The lowest bit that is set.
        (local.set $bit (i64.and (local.get $left) (i64.sub (i64.const 0) (local.get $left))))
        (local.set $left (i64.xor (local.get $left) (local.get $bit)))
        (if (i64.ne (i64.const 0) (i64.and (local.get $bit) (local.get $closing)))
          (then (global.set $depth (i32.sub (global.get $depth) (i32.const 1))))
          (else
            (global.set $values (i32.add (global.get $values) (i32.const 1)))
            (if (i32.gt_s (global.get $values) (global.get $MAX_VALUES)) (then (return (i32.const 2))))
            (if (i64.ne (i64.const 0) (i64.and (local.get $bit) (local.get $opening)))
              (then
                (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
                (if (i32.gt_s (global.get $depth) (global.get $MAX_DEPTH)) (then (return (i32.const 1))))))))
        (br $next)))
    (i32.const 0)))
