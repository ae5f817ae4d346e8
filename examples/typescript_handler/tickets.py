"""Made-up tickets of a shop's customers: a subject and a text on one of four topics."""

from random import Random

SUBJECTS = {
    "billing": ["Wrong invoice", "Charged twice", "Question on my bill", "Payment failed"],
    "delivery": ["Where is my parcel", "Late delivery", "Parcel damaged", "Wrong address"],
    "account": ["Cannot log in", "Reset my password", "Change my email", "Locked account"],
    "returns": ["I want to return this", "Refund please", "Exchange for a larger size", "Broken"],
}

SENTENCES = {
    "billing": [
        "my card was charged twice for the same order",
        "the invoice shows a wrong amount",
        "the discount was not taken off the bill",
        "i need an invoice with the tax number of our company",
        "the payment by card failed but the money is gone",
    ],
    "delivery": [
        "the parcel has not arrived for ten days",
        "tracking says delivered but nobody rang",
        "the courier left the box in the rain",
        "please send it to the address of my office instead",
        "when will the shipment leave the warehouse",
    ],
    "account": [
        "i forgot my password and the link does not work",
        "my login is locked after three attempts",
        "please change the email of my profile",
        "i did not get the code for signing in",
        "delete my profile and my data",
    ],
    "returns": [
        "the shoes are too small and i want to exchange them",
        "the lamp is broken and i want my money back",
        "how do i send it back",
        "the colour is not as in the picture so i return the jacket",
        "i sent the shoes back and wait for the refund",
    ],
}

ANYWHERE = ["Hello", "My order number is", "thank you", "please help", "kind regards", "as always"]

TOPICS = list(SENTENCES)

Ticket = dict[str, str]


def write(topic: str, random: Random) -> Ticket:
    """One ticket; some have a subject of another topic, or one that says nothing."""
    about = topic if random.random() < 0.8 else random.choice(TOPICS)
    subject = random.choice([*SUBJECTS[about], "Help", "Question"])
    said = random.sample(SENTENCES[topic], random.randint(1, 2)) + random.sample(ANYWHERE, 2)
    random.shuffle(said)
    words = [word for word in " ".join(said).split() if random.random() < 0.85]
    return {"subject": subject, "text": " ".join(words)}
