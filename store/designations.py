# SPDX-License-Identifier: AGPL-3.0-or-later
"""
Designations: what people at the desk call a thread, two random words that mean nothing.

The words are plain, neutral and English; none is a judgement, a place or a people. They are drawn, never derived:
nothing about a source or a codename can be read off them.
"""

from __future__ import annotations

import secrets


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ADJECTIVES = _words(
    """
    able ample amber apt arched autumn azure balanced bare basic blended blue bold bound bowed brass bright
    brisk broad bronze brown brushed bubbly calm candid canvas careful carved cedar central certain chalky
    cheerful chief chilled circular civic classic clean clear clever cloudy coastal cobalt common compact
    complete cool copper coral cordial corner cosy cotton covered crisp curly curved daily dainty damp dappled
    daring dawning deep definite dense direct distant dotted double downy dry durable dusty eager early earthen
    easy elastic elder elegant elm even evening exact extra fabled faint fair famous fast feathery festive fine
    firm first fitting fleecy flat fleet flint floating floral fluent folded fond formal frank free fresh
    friendly frosty full gentle genuine giant gilded glad glassy gleaming global glossy golden good grand
    granite grassy great green gusty half handy happy hardy harmonic hazel hearty heavy helpful hidden high
    hollow honest humble icy ideal inland inner ivory jade jolly joyful keen kind knitted large lasting late
    lavender leafy lean level light lilac linen little lively local lofty long loose loud loyal lucid lucky
    lunar main maple marble maritime mellow merry metal midday mild milky mineral minor mint misty mobile modern
    modest mossy moving muted narrow native near neat new nimble noble northern notable novel oaken oaten oblong
    old olive open orange outer oval paired pale paper pastel patient pearly pebbled pine plain planted pleasant
    plum polar polished polite prime proper proud pure purple quick quiet quilted rainy rapid rare ready real
    regal regular rested rich ribbed rising robust rocky rolling rosy round royal ruby rural russet rustic sage
    salty sandy satin scenic seaside second secure sedate serene settled shaded shallow sharp shining short
    silent silken silver simple slender slim slow small smart smooth snowy social soft solar solid southern
    spare special spiral spotted spring square stable starry steady steep still stony stout straight striped
    strong sturdy subtle sudden sunny super sure sweet swift tall tame tawny teal tender thick thin third tidal
    tidy timely tiny topaz tranquil trim true twin upper upright usual valid vast velvet vernal violet vital
    vivid walnut warm wavy waxen western wheaten whole wide willing windy winged wintry wise wooden woollen
    woven young zesty
    """
)
NOUNS = _words(
    """
    acorn almond anchor anvil apple apron arbor arch arrow atlas avenue badge bagel balcony banner barge barley
    barn barrel basin basket bay beach beacon beam bean bell bench berry birch biscuit blanket bloom board boat
    bobbin bonnet book boot bottle boulder bowl box bracket branch bread breeze brick bridge brook broom bucket
    buckle bugle bulb bushel butter button cabin cable cactus cake canal candle canoe canvas canyon cape caravan
    carpet cart castle cave cello chair chalk channel chapter cherry chest chime cider circle citrus cliff cloak
    clock cloud clover coat cobble coin collar column comb comet compass cone cookie copse corner cottage cotton
    cradle crane crate creek crescent crown crystal cube cup cupboard curtain cushion cypress daisy dale dam
    delta desk dial dingle dish dock dome door dough drawer drum dune easel eave echo elm ember engine fabric
    falcon fan farm feather fence fern ferry fiddle field fig fjord flag flame flask flute foam fog forest forge
    fountain frame garden garnet gate geyser ginger glacier glade glass globe glove goblet gondola grain grape
    grove guitar gull hall hammer hammock harbor harp harvest hat haven hawk hay hazel hearth heather hedge helm
    heron hill hinge hive hollow honey horizon house inlet island ivy jacket jar jasmine jetty juniper kayak
    kettle key kite knot ladder lagoon lake lamp lane lantern larch lark lattice lawn leaf ledge lemon lens
    lever library lily lime linen lodge log loom lotus lute magnet mallet mango mantle map maple marsh mast
    meadow melon mill mirror mitten moon moor mortar moss mountain mug nest nettle notebook nutmeg oak oar oasis
    oat ocean olive orchard orchid otter oven paddle page palette palm pan panel paper parcel park parsley path
    pavilion peach peak pear pebble pencil pepper petal piano pier pillar pillow pine pitcher plain planet plank
    plate plaza plum pocket pond poplar porch port prairie prism puddle pulley quarry quartz quay quill quilt
    raft rail rain raisin ravine reed reef ribbon ridge ring river roof root rope rose rudder rug saddle sail
    sand sandal sapling scarf shed shelf shell ship shore shutter sky sled slope snow spade spool spoon spruce
    stair star stone stool stove stream summit sun swan table tablet tent thimble thistle tide tile timber tower
    trail train tray tree trellis trumpet tulip tunnel turnip valley vase veranda vessel vine viola violin wagon
    wall walnut water wave wharf wheat wheel willow window wing wool yard
    """
)


def draw(words: int = 2) -> str:
    """
    A random designation.

    Args:
        words: Two, or three where two-word ones have become rare.
    """
    described = [secrets.choice(ADJECTIVES) for _ in range(words - 1)]
    return " ".join([*described, secrets.choice(NOUNS)])
