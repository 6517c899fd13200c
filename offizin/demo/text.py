"""What the demo's book says: from the Autobiography of Benjamin Franklin, printer (public domain)."""

from __future__ import annotations

TITLE = "The Printing-House"

_TEXT = """\
From a child I was fond of reading, and all the little money that came into my hands was ever laid out in
books. Pleased with the Pilgrim's Progress, my first collection was of John Bunyan's works in separate little
volumes. I afterward sold them to enable me to buy R. Burton's Historical Collections; they were small
chapmen's books, and cheap, 40 or 50 in all.

This bookish inclination at length determined my father to make me a printer, though he had already one son
(James) of that profession. In 1717 my brother James returned from England with a press and letters to set up
his business in Boston. I liked it much better than that of my father, but still had a hankering for the sea.
To prevent the apprehended effect of such an inclination, my father was impatient to have me bound to my
brother. I stood out some time, but at last was persuaded, and signed the indentures when I was yet but twelve
years old. I was to serve as an apprentice till I was twenty-one years of age, only I was to be allowed
journeyman's wages during the last year.

In a little time I made great proficiency in the business, and became a useful hand to my brother. I now had
access to better books. An acquaintance with the apprentices of booksellers enabled me sometimes to borrow a
small one, which I was careful to return soon and clean. Often I sat up in my room reading the greatest part
of the night, when the book was borrowed in the evening and to be returned early in the morning, lest it
should be missed or wanted.

And after some time an ingenious tradesman, Mr. Matthew Adams, who had a pretty collection of books, and who
frequented our printing-house, took notice of me, invited me to his library, and very kindly lent me such
books as I chose to read. I now took a fancy to poetry, and made some little pieces; my brother, thinking it
might turn to account, encouraged me, and put me on composing occasional ballads.

One was called The Lighthouse Tragedy, and contained an account of the drowning of Captain Worthilake, with
his two daughters: the other was a sailor's song, on the taking of Teach (or Blackbeard) the pirate. They were
wretched stuff, in the Grub-street-ballad style; and when they were printed he sent me about the town to sell
them. The first sold wonderfully, the event being recent, having made a great noise. This flattered my vanity;
but my father discouraged me by ridiculing my performances, and telling me verse-makers were generally
beggars. So I escaped being a poet, most probably a very bad one.

My brother had, in 1720 or 1721, begun to print a newspaper. It was the second that appeared in America, and
was called the New England Courant. The only one before it was the Boston News-Letter. I remember his being
dissuaded by some of his friends from the undertaking, as not likely to succeed, one newspaper being, in their
judgment, enough for America. At this time (1771) there are not less than five-and-twenty. He went on,
however, with the undertaking, and after having worked in composing the types and printing off the sheets, I
was employed to carry the papers thro' the streets to the customers.
"""

PARAGRAPHS = tuple(" ".join(paragraph.split()) for paragraph in _TEXT.split("\n\n"))
