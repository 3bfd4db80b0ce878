"""Word lists written for this project: concepts and the words that stand for them.

No word stands in two lists. Countries, cities and people are written with a capital, as their
readers expect; whoever wants the letter case out of the contrast chooses among the other lists.
"""

from __future__ import annotations

WORDS: dict[str, tuple[str, ...]] = {
    name: tuple(word.strip() for word in words.split(","))
    for name, words in {
        "animals": "dog, cat, horse, cow, sheep, goat, lion, tiger, bear, wolf, fox, rabbit, "
        "mouse, elephant, giraffe, zebra, monkey, dolphin, whale, eagle, owl, snake, frog, turtle",
        "tools": "hammer, screwdriver, wrench, handsaw, drill, pliers, chisel, axe, shovel, rake, "
        "ladder, crowbar, mallet, clamp, trowel, wheelbarrow, sickle, scissors, tweezers, "
        "spanner, anvil, lathe, pickaxe, sander",
        "foods": "bread, cheese, butter, rice, pasta, soup, salad, pizza, sandwich, pancake, "
        "sausage, bacon, yogurt, chocolate, honey, omelette, noodles, cake, cookie, burger, "
        "steak, pie, mustard, popcorn",
        "professions": "doctor, nurse, teacher, lawyer, engineer, carpenter, plumber, "
        "electrician, farmer, baker, butcher, pilot, soldier, sailor, chef, architect, "
        "accountant, librarian, journalist, dentist, surgeon, scientist, mechanic, secretary",
        "colours": "red, blue, green, yellow, orange, purple, brown, black, white, grey, pink, "
        "turquoise, crimson, scarlet, magenta, beige, maroon, violet, indigo, teal, cyan, mauve, "
        "lilac, khaki",
        "emotions": "happiness, sadness, anger, fear, joy, disgust, surprise, shame, guilt, "
        "pride, envy, jealousy, love, hatred, grief, anxiety, excitement, boredom, loneliness, "
        "hope, despair, gratitude, contempt, embarrassment",
        "numbers": "one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, "
        "thirteen, fourteen, fifteen, sixteen, seventeen, eighteen, nineteen, twenty, thirty, "
        "forty, fifty, sixty",
        "body parts": "head, hand, foot, arm, leg, nose, ear, eye, mouth, knee, elbow, shoulder, "
        "finger, thumb, ankle, wrist, chin, neck, chest, stomach, tongue, tooth, hip, toe",
        "instruments": "piano, guitar, violin, cello, flute, trumpet, clarinet, saxophone, "
        "trombone, harp, banjo, mandolin, oboe, bassoon, accordion, harmonica, tuba, viola, "
        "ukulele, xylophone, tambourine, harpsichord, lute, bagpipes",
        "cities": "Paris, London, Berlin, Madrid, Rome, Vienna, Tokyo, Beijing, Moscow, Cairo, "
        "Delhi, Sydney, Toronto, Chicago, Boston, Dublin, Athens, Lisbon, Prague, Seoul, Bangkok, "
        "Istanbul, Amsterdam, Stockholm",
        "countries": "France, Germany, Spain, Italy, Japan, China, Russia, Egypt, India, "
        "Australia, Canada, Brazil, Mexico, Ireland, Greece, Portugal, Poland, Sweden, Norway, "
        "Thailand, Turkey, Kenya, Peru, Chile",
        "people": "Albert Einstein, Isaac Newton, Charles Darwin, Marie Curie, "
        "William Shakespeare, Leonardo da Vinci, Abraham Lincoln, George Washington, "
        "Napoleon Bonaparte, Julius Caesar, Winston Churchill, Nelson Mandela, Mahatma Gandhi, "
        "Martin Luther King, Wolfgang Mozart, Ludwig van Beethoven, Vincent van Gogh, "
        "Pablo Picasso, Charles Dickens, Jane Austen, Ernest Hemingway, Marilyn Monroe, "
        "Elvis Presley, Muhammad Ali",
        "clothing": "shirt, trousers, jacket, coat, dress, skirt, sweater, scarf, hat, glove, "
        "sock, shoe, boot, belt, tie, jeans, blouse, cardigan, pyjamas, raincoat, sandal, "
        "slipper, apron, vest",
        "vehicles": "car, truck, bus, train, bicycle, motorcycle, aeroplane, helicopter, boat, "
        "ship, ferry, tram, taxi, van, tractor, ambulance, submarine, canoe, yacht, scooter, "
        "limousine, minibus, lorry, rocket",
        "weekdays": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
        "months": "January, February, March, April, May, June, July, August, September, October, "
        "November, December",
    }.items()
}
"""Concept → its exemplars, in the order in which they are drawn."""

ENDINGS = (
    "They were talking about {}",
    "She wrote down the word {}",
    "The next word is {}",
    "What came to mind was {}",
    "Here is one more example: {}",
    "He pointed at the picture labelled {}",
)
"""Templates that end with the word, so that its last token is the last of the text."""

MENTIONS = (
    *ENDINGS,
    "On the cover there was a {}",
    "My sister asked for a {}",
    "In the corner he found a {}",
    "We were thinking of the {}",
    "The story begins with a {}",
    "Nobody had noticed the {}",
    "After lunch they drew a {}",
    "Page ten shows the {}",
    "It reminded her of a {}",
    "Yesterday I dreamt of a {}",
)
"""Frames that end with a word that can be counted, many enough to be the independent unit."""

SENTENCES = (
    "We spent the whole afternoon talking about {}.",
    "A short note about {} was pinned to the wall.",
    "The first chapter mentions {} more than once.",
    "Nobody in the room had expected {} to come up.",
    "Somebody had written {} at the top of the page.",
    "The lesson began with {} and a few questions.",
)
"""Templates with the word inside a whole sentence, for encoders that read it as one."""

ROUND = {"weekdays": 7, "months": 12}
"""Concepts whose exemplars follow one another in a circle, with its length."""

RELATIONS = ("above", "below", "left of", "right of", "behind", "in front of", "inside", "near")
"""Relations between two things."""

PAIRS = (
    ("cup", "plate"),
    ("lamp", "desk"),
    ("book", "box"),
    ("ball", "basket"),
    ("clock", "shelf"),
    ("chair", "table"),
    ("phone", "drawer"),
    ("vase", "window"),
    ("bottle", "sink"),
    ("coat", "door"),
    ("pillow", "bed"),
    ("spoon", "bowl"),
    ("pencil", "folder"),
    ("shoe", "bench"),
    ("rug", "sofa"),
    ("key", "wallet"),
    ("bike", "shed"),
    ("bucket", "barrel"),
    ("ladder", "tree"),
    ("kettle", "stove"),
    ("camera", "bag"),
    ("mirror", "cabinet"),
    ("candle", "tray"),
    ("hat", "suitcase"),
)
"""Pairs of things that can stand in any of the relations."""

PLACES = {
    "above": (0, 1, ("above", "over", "higher than", "on top of", "atop", "up from")),
    "below": (0, -1, ("below", "under", "lower than", "at the foot of", "beneath", "down from")),
    "left": (-1, 0, ("left of", "to the left of", "on the left of", "at the left of",
                     "on the left side of", "leftward of")),
    "right": (1, 0, ("right of", "to the right of", "on the right of", "at the right of",
                     "on the right side of", "rightward of")),
    "inside": (0, 0, ("inside", "in", "within", "enclosed by", "packed into", "at the heart of")),
}  # fmt: skip
"""Place of a thing relative to another: steps to the right, steps up, and six wordings.

The wordings of above, of below and of inside have no word in common; those of left and right
cannot do without it.
"""

PLACE_FRAMES = (
    "My {} is {} my {}",
    "The {} is {} the {}",
    "I left the {} {} the {}",
    "She saw a {} {} a {}",
)
"""Sentences that put a thing into a place."""
